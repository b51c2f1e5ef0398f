import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Meters } from '../core/meters.ts'
import type { RedisMeters } from '../redis/redis-meters.ts'
import { CountedHistogram } from './counted-histogram.ts'
import { histograms, metrics, type Metric, type Moment } from './readings.ts'

export interface RegistryParts {
  readonly meters: Meters
  readonly redis: RedisMeters | undefined
  /** Reads everything that is not counted as it happens. Called once for each scrape. */
  readonly look: () => Moment
}

/** What would walk through every socket of the process, several times a scrape. */
const WALKS = ['active_resources', 'active_resources_total', 'active_handles', 'active_handles_total', 'active_requests', 'active_requests_total']

/** A registry of its own, so that a host's prom-client never meets it: what this node counts, and what Node.js tells of its process. */
export function createRegistry ({ meters, redis, look }: RegistryParts): Registry {
  const registry = new Registry()
  const moment = oncePerTurn(look)
  for (const metric of metrics) register(registry, metric, moment)
  for (const { name, help, of } of histograms) {
    const distribution = of(meters, redis)
    if (distribution !== undefined) registry.registerMetric(new CountedHistogram({ name, help, distribution }))
  }
  collectDefaultMetrics({ register: registry })
  for (const name of WALKS) registry.removeSingleMetric(`nodejs_${name}`)
  return registry
}

function register (registry: Registry, { name, help, type, label, read }: Metric, moment: () => Moment): void {
  const MetricOf = type === 'counter' ? Counter : Gauge
  const metric = new MetricOf({
    name,
    help,
    registers: [registry],
    labelNames: label === undefined ? [] : [label],
    collect () {
      metric.reset()
      const reading = read(moment())
      if (typeof reading === 'number') metric.inc(reading)
      else for (const [value, count] of reading) metric.inc({ [label ?? '']: value }, count)
    }
  })
}

/** All that one scrape reads is of one moment. */
function oncePerTurn (look: () => Moment): () => Moment {
  let moment: Moment | undefined
  return () => {
    if (moment === undefined) {
      moment = look()
      setImmediate(() => { moment = undefined })
    }
    return moment
  }
}
