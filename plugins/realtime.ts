import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { Gatekeeper } from '../src/core/gatekeeper.ts'
import { RealtimeNode } from '../src/core/node.ts'
import { Realtime } from '../src/core/realtime.ts'
import { wordsOf } from '../src/redis/redis-calls.ts'
import { version } from '../src/version.ts'

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
  const node = new RealtimeNode({
    broker: app.roomcastBroker,
    store: app.roomcastPresenceStore,
    revocations: app.roomcastRevocationStore,
    gatekeeper: new Gatekeeper(app.roomcastFunctions),
    verify: token => app.roomcastAuth.verify(token),
    settings: { ...app.roomcastSettings, version, expiryNoticeMs: EXPIRY_NOTICE_MS },
    log: app.log,
    meters: app.roomcastMeters
  })
  app.addHook('preClose', () => node.drain())
  app.addHook('onClose', () => node.stop())
  await node.start().catch(cause => {
    if (app.roomcastRedis === null) throw cause
    throw new Error(`Redis at ${app.roomcastRedis.shards.address} refused what the start needs: ${wordsOf(cause)}`, { cause })
  })
  app.decorate('roomcastNode', node)
  app.decorate('realtime', new Realtime(node))
}, { name: 'roomcast-realtime', dependencies: ['roomcast-settings', 'roomcast-meters', 'roomcast-storage', 'roomcast-auth'], fastify: '5.x' })
