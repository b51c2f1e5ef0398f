import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'

/**
 * What every answer tells browsers: it is data, of this moment, for whoever asked. HSTS is missing on purpose: whoever ends TLS knows whether
 * the whole host has it.
 */
export const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff'
} as const

/** Sets them on every answer of this scope, errors included. */
export default fp(async (app: FastifyInstance) => {
  app.addHook('onRequest', async (_request, reply) => { reply.headers(securityHeaders) })
}, { name: 'roomcast-security-headers', fastify: '5.x' })
