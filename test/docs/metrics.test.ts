import { Registry } from 'prom-client'
import t from 'tap'
import { parse } from 'yaml'
import { Meters } from '../../src/core/meters.ts'
import { histograms, metrics } from '../../src/metrics/readings.ts'
import { createRegistry } from '../../src/metrics/registry.ts'
import { RedisMeters } from '../../src/redis/redis-meters.ts'
import { read, table } from './markdown.ts'

interface Rule { readonly alert: string, readonly expr: string, readonly labels: { readonly severity: string }, readonly annotations: { readonly summary: string, readonly description: string } }
interface Panel { readonly title: string, readonly type: string, readonly description?: string, readonly targets?: ReadonlyArray<{ readonly expr: string }> }

const [meters, redis] = [new Meters(), new RedisMeters()]
const registry: Registry = createRegistry({
  meters,
  redis,
  look: () => ({
    version: '1.2.3',
    isDraining: false,
    census: { connections: 1, rooms: 2, subscriptions: 3, bufferedBytes: 4 },
    meters,
    redis: { ...redis, isReady: { publisher: true, subscriber: false } }
  })
})
const text = await registry.metrics()
const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]))
const ours = new Map<string, { readonly type: string, readonly label: string }>([
  ...metrics.map(({ name, type, label }) => [name, { type, label: label ?? '' }] as const),
  ...histograms.map(({ name }) => [name, { type: 'histogram', label: '' }] as const)
])

/** Names in an expression that are neither words of PromQL nor labels. */
function namesIn (expr: string): string[] {
  const bare = expr.replace(/\{[^}]*\}/g, '').replace(/\b(by|without) \([^)]*\)/g, '')
  return [...bare.matchAll(/\b(?:roomcast|nodejs|process)_\w+/g)].map(([name]) => types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''))
}

t.test('every metric has one row in the operations, with its type and its label', async t => {
  const rows = table(read('docs/operations.md'), '## Metrics')
  t.same(rows.map(({ metric = '', type, label }) => [metric, type, label]).sort(), [...ours].map(([name, { type, label }]) => [name, type, label]).sort())
  for (const { metric = '', 'what it means': words = '' } of rows) t.ok(words.length > 10, metric)
})

t.test('the registry holds them all under these types, and what Node.js tells of its process', async t => {
  for (const [name, { type }] of ours) t.equal(types.get(name), type, name)
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds']) t.ok(types.has(name), name)
  for (const [name] of types) t.notMatch(name, /active_/, 'nothing that would walk through every socket')
})

t.test('names begin with roomcast, counters end in total, times are in seconds and sizes in bytes', async t => {
  for (const [name, { type }] of ours) {
    t.match(name, /^roomcast_[a-z_]+$/)
    t.equal(name.endsWith('_total'), type === 'counter', name)
    t.notMatch(name, /_(ms|milliseconds|kb|mb|kilobytes)(_|$)/)
  }
})

t.test('no label is a room, a user or a connection', async t => {
  for (const [name, { label }] of ours) t.ok(['', 'version', 'code', 'status', 'source', 'kind', 'recovered', 'outcome', 'role'].includes(label), name)
})

t.test('a histogram is told as Prometheus reads one: cumulative, with its sum and count', async t => {
  for (const value of [0, 3, 7_000]) meters.recovered.add(value)
  const lines = (await registry.metrics()).split('\n').filter(line => line.startsWith('roomcast_recovered_publications'))
  t.same(lines.map(line => line.replace('roomcast_recovered_publications_', '')), [
    ...[0, 1].map(le => `bucket{le="${le}"} 1`), ...[5, 10, 50, 100, 500, 1_000, 5_000].map(le => `bucket{le="${le}"} 2`), 'bucket{le="+Inf"} 3', 'sum 7003', 'count 3'
  ])
})

t.test('the registry is none that a host shares', async t => {
  const { register } = await import('prom-client')
  t.equal((await register.getMetricsAsArray()).length, 0)
})

t.test('every metric that an alert or a panel names is there', async t => {
  const { groups } = parse(read('deploy/observability/alerts.yaml')) as { groups: ReadonlyArray<{ rules: readonly Rule[] }> }
  const rules = groups.flatMap(group => group.rules)
  t.ok(rules.length > 5)
  for (const { alert, expr, labels, annotations } of rules) {
    const names = namesIn(expr)
    if (alert !== 'RoomcastNodeDown') t.ok(names.length > 0, alert)
    for (const name of names) t.ok(types.has(name), `${alert}: ${name}`)
    t.ok(['critical', 'warning'].includes(labels.severity) && annotations.summary !== '' && annotations.description !== '', alert)
  }
  const { panels } = JSON.parse(read('deploy/observability/grafana-dashboard.json')) as { panels: readonly Panel[] }
  const shown = new Set<string>()
  for (const { title, description, targets = [] } of panels.filter(({ type }) => type !== 'row')) {
    t.ok(targets.length > 0 && description !== undefined, title)
    for (const name of targets.flatMap(({ expr }) => namesIn(expr))) {
      t.ok(types.has(name), `${title}: ${name}`)
      shown.add(name)
    }
  }
  t.same([...ours.keys()].filter(name => !shown.has(name)), [], 'and the dashboard shows all of ours')
})
