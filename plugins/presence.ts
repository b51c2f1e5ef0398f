import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { PresenceService } from '../src/core/presence-service.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Who is online, on whatever node. */
    presence: PresenceService
  }
}

/** Answers who is online. */
export default fp(async (app: FastifyInstance) => {
  app.decorate('presence', new PresenceService({ store: app.roomcastPresenceStore }))
}, { name: 'roomcast-presence', dependencies: ['roomcast-storage'], fastify: '5.x' })
