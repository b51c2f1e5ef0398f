import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import type { HostFunctions, Settings } from '../src/config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Roomcast's own settings, checked; only within its scope. */
    roomcastSettings: Settings
    /** The functions that the host gave. */
    roomcastFunctions: HostFunctions
  }
}

/** Hands the checked settings to the plugins and routes of this scope. */
export default fp(async (app: FastifyInstance, { settings, functions }: { settings: Settings, functions: HostFunctions }) => {
  app.decorate('roomcastSettings', settings)
  app.decorate('roomcastFunctions', functions)
}, { name: 'roomcast-settings', fastify: '5.x' })
