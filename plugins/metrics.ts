import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import type { Moment } from '../src/metrics/readings.ts'
import { createRegistry } from '../src/metrics/registry.ts'
import { version } from '../src/version.ts'

/** A registry, as whoever serves it sees it. */
export interface Metrics {
  readonly contentType: string
  /** Everything, as Prometheus reads it. */
  readonly text: () => Promise<string>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The metrics of this node; null where they are not served. */
    roomcastMetrics: Metrics | null
  }
}

/** Tells what the node and its Redis connections have counted, where metrics are served. */
export default fp(async (app: FastifyInstance) => {
  const { roomcastSettings: { metrics }, roomcastNode: node, roomcastRedis } = app
  if (!metrics) {
    app.decorate('roomcastMetrics', null)
    return
  }
  const { shards, meters: redis } = roomcastRedis ?? {}
  const isReady = (role: 'publisher' | 'subscriber'): boolean => shards?.all().every(shard => shard[role].status === 'ready') === true
  const look = (): Moment => ({
    version,
    isDraining: node.isDraining,
    census: node.census(),
    meters: node.meters,
    redis: redis === undefined ? null : { ...redis, isReady: { publisher: isReady('publisher'), subscriber: isReady('subscriber') } }
  })
  const registry = createRegistry({ meters: node.meters, redis, look })
  app.decorate('roomcastMetrics', { contentType: registry.contentType, text: () => registry.metrics() })
}, { name: 'roomcast-metrics', dependencies: ['roomcast-settings', 'roomcast-redis', 'roomcast-realtime'], fastify: '5.x' })
