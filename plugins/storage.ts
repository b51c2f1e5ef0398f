import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import type { Broker } from '../src/core/broker.ts'
import type { PresenceStore } from '../src/core/presence-store.ts'
import { RoomPolicies, type HistoryPolicy } from '../src/core/room-policies.ts'
import { MemoryBroker } from '../src/memory/memory-broker.ts'
import { MemoryPresence } from '../src/memory/memory-presence.ts'
import { Bridge } from '../src/redis/bridge.ts'
import { RedisBroker } from '../src/redis/redis-broker.ts'
import { COMMAND_TIMEOUT_MS } from '../src/redis/redis-clients.ts'
import { RedisPresence } from '../src/redis/redis-presence.ts'

declare module 'fastify' {
  interface FastifyInstance {
    roomcastBroker: Broker
    roomcastPresenceStore: PresenceStore
  }
}

/** Chooses the broker and the presence store: in memory, or on Redis where one is configured. */
export default fp(async (app: FastifyInstance) => {
  const { broker, store } = createStorage(app)
  app.decorate('roomcastBroker', broker)
  app.decorate('roomcastPresenceStore', store)
  app.addHook('onClose', async () => {
    await broker.close()
    await store.close()
  })
}, { name: 'roomcast-storage', dependencies: ['roomcast-settings', 'roomcast-redis'], fastify: '5.x' })

function createStorage ({ roomcastSettings: { leaseMs, rooms, bridge: routes, maxFrameBytes: maxBytes }, roomcastRedis, log }: FastifyInstance): { broker: Broker, store: PresenceStore } {
  const policies = new RoomPolicies(rooms)
  const historyOf = (room: string): HistoryPolicy => policies.historyOf(room)
  if (roomcastRedis === null) {
    const broker = new MemoryBroker({ historyOf })
    return { broker, store: new MemoryPresence({ leaseMs, announce: event => { broker.announce(event) } }) }
  }
  const { clients: { publisher, subscriber }, keys, clock } = roomcastRedis
  const shared = { publisher, keys, clock, timeoutMs: COMMAND_TIMEOUT_MS }
  const bridge = new Bridge({ routes, maxBytes, log, now: () => clock.now() })
  return { broker: new RedisBroker({ ...shared, subscriber, historyOf, bridge, log }), store: new RedisPresence({ ...shared, leaseMs }) }
}
