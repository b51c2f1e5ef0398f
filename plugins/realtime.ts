import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import type { Broker } from '../src/core/broker.ts'
import { Gatekeeper } from '../src/core/gatekeeper.ts'
import { RealtimeNode } from '../src/core/node.ts'
import { Realtime } from '../src/core/realtime.ts'
import { MemoryBroker } from '../src/memory/memory-broker.ts'
import { RedisBroker } from '../src/redis/redis-broker.ts'
import { COMMAND_TIMEOUT_MS } from '../src/redis/redis-clients.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Publish, and hear what happens on this node. */
    realtime: Realtime
    roomcastNode: RealtimeNode
  }
}

/** How long before its token expires a connection is told, in milliseconds. */
const EXPIRY_NOTICE_MS = 30_000

/** Runs the node. Its shutdown is in two parts: clients are told and cleared while requests still end; then it stops. */
export default fp(async (app: FastifyInstance) => {
  const broker = brokerFor(app)
  const node = new RealtimeNode({
    broker,
    store: app.roomcastPresenceStore,
    gatekeeper: new Gatekeeper(app.roomcastFunctions),
    settings: { ...app.roomcastSettings, expiryNoticeMs: EXPIRY_NOTICE_MS },
    log: app.log
  })
  app.addHook('preClose', () => node.drain())
  app.addHook('onClose', async () => {
    await node.stop()
    await broker.close()
  })
  await node.start()
  app.decorate('roomcastNode', node)
  app.decorate('realtime', new Realtime(node))
}, { name: 'roomcast-realtime', dependencies: ['roomcast-settings', 'roomcast-redis', 'roomcast-presence'], fastify: '5.x' })

function brokerFor ({ roomcastRedis, log }: FastifyInstance): Broker {
  if (roomcastRedis === null) return new MemoryBroker()
  const { clients: { publisher, subscriber }, keys, clock } = roomcastRedis
  return new RedisBroker({ publisher, subscriber, keys, clock, timeoutMs: COMMAND_TIMEOUT_MS, log })
}
