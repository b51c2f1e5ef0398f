import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { RoomcastError } from '../src/core/errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a route takes upgrades. */
    roomcastUpgrades?: boolean
  }
}

/** Refuses upgrades on routes that are not made for them; @fastify/websocket would accept and then drop them. */
export default fp(async (app: FastifyInstance) => {
  app.addHook('onRequest', async request => {
    if (request.ws && request.routeOptions.config.roomcastUpgrades !== true) throw new RoomcastError('not_found')
  })
}, { name: 'roomcast-upgrades', dependencies: ['roomcast-websocket'], fastify: '5.x' })
