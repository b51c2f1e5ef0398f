import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import type { Broker } from '../src/core/broker.ts'
import type { PresenceStore } from '../src/core/presence-store.ts'
import type { RevocationStore } from '../src/core/revocation-store.ts'
import { RoomPolicies, type HistoryPolicy } from '../src/core/room-policies.ts'
import { MemoryBroker } from '../src/memory/memory-broker.ts'
import { MemoryPresence } from '../src/memory/memory-presence.ts'
import { MemoryRevocations } from '../src/memory/memory-revocations.ts'
import { Bridge } from '../src/redis/bridge.ts'
import { RedisBroker } from '../src/redis/redis-broker.ts'
import { COMMAND_TIMEOUT_MS } from '../src/redis/redis-clients.ts'
import { RedisPresence } from '../src/redis/redis-presence.ts'
import { RedisRevocations } from '../src/redis/redis-revocations.ts'

declare module 'fastify' {
  interface FastifyInstance {
    roomcastBroker: Broker
    roomcastPresenceStore: PresenceStore
    roomcastRevocationStore: RevocationStore
  }
}

/** What a node stands on. */
interface Storage {
  readonly broker: Broker
  readonly store: PresenceStore
  readonly revocations: RevocationStore
}

/** Chooses the broker and the stores: in memory, or on Redis where one is configured. */
export default fp(async (app: FastifyInstance) => {
  const { broker, store, revocations } = createStorage(app)
  app.decorate('roomcastBroker', broker)
  app.decorate('roomcastPresenceStore', store)
  app.decorate('roomcastRevocationStore', revocations)
  app.addHook('onClose', async () => {
    await broker.close()
    await store.close()
    await revocations.close()
  })
}, { name: 'roomcast-storage', dependencies: ['roomcast-settings', 'roomcast-redis'], fastify: '5.x' })

function createStorage ({ roomcastSettings: { leaseMs, rooms, bridge: routes, maxFrameBytes: maxBytes }, roomcastRedis, log }: FastifyInstance): Storage {
  const policies = new RoomPolicies(rooms)
  const historyOf = (room: string): HistoryPolicy => policies.historyOf(room)
  if (roomcastRedis === null) {
    const broker = new MemoryBroker({ historyOf })
    const store = new MemoryPresence({ leaseMs, announce: event => { broker.announce(event) } })
    return { broker, store, revocations: new MemoryRevocations() }
  }
  const { shards, keys } = roomcastRedis
  const shared = { shards, keys, timeoutMs: COMMAND_TIMEOUT_MS }
  const bridge = new Bridge({ routes, maxBytes, log, now: () => shards.of(keys.leases()).clock.now() })
  return {
    broker: new RedisBroker({ ...shared, historyOf, bridge, log }),
    store: new RedisPresence({ ...shared, leaseMs }),
    revocations: new RedisRevocations(shared)
  }
}
