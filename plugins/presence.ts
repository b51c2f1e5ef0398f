import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { PresenceService } from '../src/core/presence-service.ts'
import type { PresenceStore } from '../src/core/presence-store.ts'
import { MemoryPresence } from '../src/memory/memory-presence.ts'
import { COMMAND_TIMEOUT_MS } from '../src/redis/redis-clients.ts'
import { RedisPresence } from '../src/redis/redis-presence.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Who is online, on whatever node. */
    presence: PresenceService
    roomcastPresenceStore: PresenceStore
  }
}

/** Keeps who is online: in memory, or in Redis where one is configured. */
export default fp(async (app: FastifyInstance) => {
  const store = storeFor(app)
  app.decorate('roomcastPresenceStore', store)
  app.decorate('presence', new PresenceService({ store }))
  app.addHook('onClose', () => store.close())
}, { name: 'roomcast-presence', dependencies: ['roomcast-settings', 'roomcast-redis'], fastify: '5.x' })

function storeFor ({ roomcastSettings: { leaseMs }, roomcastRedis, log }: FastifyInstance): PresenceStore {
  if (roomcastRedis === null) return new MemoryPresence({ leaseMs })
  const { clients: { publisher }, keys, clock } = roomcastRedis
  return new RedisPresence({ publisher, keys, clock, leaseMs, timeoutMs: COMMAND_TIMEOUT_MS, log })
}
