import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest, FastifySchema } from 'fastify'
import type { Claims } from '../src/core/claims.ts'
import { RoomcastError } from '../src/core/errors.ts'
import { errorResponses } from './error-responses.ts'
import { needsClientToken } from './schemas.ts'

/** A host's @fastify/cors, whose hooks this scope inherits, leaves such a route alone: here `allowedOrigins` decides. */
const ownCors: object = { cors: false }

/** The query is described and not validated: what of it means nothing is left alone. */
const withQuery = ({ schema, url }: { schema: FastifySchema, url: string }): { schema: FastifySchema, url: string } => ({
  schema: {
    ...schema,
    querystring: Type.Object({ resume: Type.Optional(Type.Literal('1', { description: 'A `resume` frame follows, before which no welcome is sent' })) })
  },
  url
})

/**
 * `GET /ws`: where clients connect. Everything that can refuse a client does so before the upgrade, as plain HTTP; a request
 * without an upgrade meets the same checks, so that a browser, which is told nothing about a refused WebSocket, can ask why.
 */
const wsRoutes: FastifyPluginAsyncTypebox = async app => {
  const { allowedOrigins } = app.roomcastSettings
  const claimsOf = new WeakMap<FastifyRequest, Claims>()

  app.route({
    method: 'GET',
    url: '/ws',
    config: { roomcastUpgrades: true, ...ownCors, swaggerTransform: withQuery },
    schema: {
      operationId: 'connect',
      summary: 'Connect by WebSocket, protocol roomcast.v1',
      description: 'The token goes into `Authorization: Bearer`, into a second subprotocol `bearer.<token>`, or into `?token=`. See docs/protocol.md.',
      tags: ['connections'],
      ...needsClientToken,
      response: {
        101: Type.Null({ description: 'Connected: the rest is WebSocket' }),
        ...errorResponses('unauthorized', 'origin_forbidden', 'upgrade_required', 'rate_limited', 'limit_exceeded', 'internal', 'unavailable', 'draining')
      }
    },
    onRequest: async (request, reply) => {
      const { origin } = request.headers
      const isForbidden = origin !== undefined && !isAllowed(origin, request, allowedOrigins)
      if (origin !== undefined && !isForbidden) reply.header('access-control-allow-origin', origin).header('vary', 'origin')
      app.roomcastLimits.chargeAttempt(request)
      if (isForbidden) throw new RoomcastError('origin_forbidden')
    },
    // Not earlier: what limits requests runs in onRequest, and a bad token must count there too.
    preValidation: async request => {
      claimsOf.set(request, await app.roomcastAuth.connection(request))
      if (app.roomcastNode.isDraining) throw new RoomcastError('draining')
      // Last, and nothing is awaited behind it: of those who come at once no more pass than there are places.
      if (request.ws) app.roomcastLimits.takePlace(request)
    },
    handler: async (request, reply) => {
      // Who is upgraded is counted where it is registered, and told over the connection.
      const claims = claimsOf.get(request)
      if (claims !== undefined) await app.roomcastNode.assertMayConnect(claims.sub)
      reply.header('upgrade', 'websocket')
      throw new RoomcastError('upgrade_required')
    },
    wsHandler: (webSocket, request) => {
      const claims = claimsOf.get(request)
      if (claims === undefined) throw new Error('an upgrade passed without its claims')
      const { resume } = request.query as { resume?: unknown }
      const { connectionId, userId } = app.roomcastAccept(webSocket, request.raw.socket, { claims, mode: resume === '1' ? 'resume' : 'new' })
      // The one line that has both the id of the request and that of what it became.
      request.log.debug({ connectionId, userId }, 'upgraded')
    }
  })

  // A browser asks first whether it may ask, with a token in a header, why it was refused (Fetch standard, "CORS-preflight").
  app.options('/ws', { config: { ...ownCors }, schema: { hide: true } }, async (request, reply) => {
    const { origin } = request.headers
    if (origin === undefined || !isAllowed(origin, request, allowedOrigins)) throw new RoomcastError('origin_forbidden')
    return reply.code(204).headers({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'authorization',
      'access-control-max-age': '600',
      vary: 'origin'
    }).send()
  })
}

export default wsRoutes

/** An exact match of scheme, host and port; without a list, of host and port with the request's own. */
function isAllowed (origin: string, { host }: FastifyRequest, allowedOrigins: readonly string[] | undefined): boolean {
  if (allowedOrigins !== undefined) return allowedOrigins.includes(origin)
  return URL.canParse(origin) && new URL(origin).host === host
}
