import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { Meters } from '../src/core/meters.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What this node counts, from before its first request on. */
    roomcastMeters: Meters
  }
}

/** Brings the numbers that the plugins and the node count into. Served or not, counting them costs next to nothing. */
export default fp(async (app: FastifyInstance) => {
  app.decorate('roomcastMeters', new Meters())
}, { name: 'roomcast-meters', fastify: '5.x' })
