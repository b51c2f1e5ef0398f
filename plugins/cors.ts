import fp from 'fastify-plugin'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { RoomcastError } from '../src/core/errors.ts'

/** What a page may send beside what any form could. */
const REQUEST_HEADERS = 'authorization, content-type, idempotency-key'

/** How long a browser may remember a preflight, in seconds. */
const MAX_AGE_S = 600

/**
 * Lets pages of the configured origins use the routes of this scope that are registered after it (Fetch standard, "CORS protocol"). Not by
 * @fastify/cors: a host may have that for its own routes, with its own rules, and the two would meet in one decorator, one `OPTIONS *` and the
 * hooks that this scope inherits. Credentials are never allowed: bearer tokens and keys are sent by the page itself, not by the browser.
 */
export default fp(async (app: FastifyInstance) => {
  const { corsOrigins } = app.roomcastSettings
  if (corsOrigins === undefined) return
  const methods = new Map<string, Set<string>>()

  app.addHook('onRequest', async ({ headers: { origin } }, reply) => {
    reply.header('vary', 'origin')
    if (origin === undefined || !corsOrigins.includes(origin)) return
    reply.headers({ 'access-control-allow-origin': origin, 'access-control-expose-headers': 'retry-after' })
  })

  app.addHook('onRoute', function (route) {
    leaveToUs(route)
    const { url, routePath, method } = route
    const known = methods.get(url)
    for (const name of [method].flat()) if (name !== 'OPTIONS') (known ?? addPath(this, { url, routePath })).add(name)
  })

  function addPath (scope: FastifyInstance, { url, routePath }: { url: string, routePath: string }): Set<string> {
    const names = new Set<string>()
    methods.set(url, names)
    scope.options(routePath, { schema: { hide: true } }, async (request, reply) => answerPreflight(request, reply, names))
    return names
  }

  function answerPreflight ({ headers: { origin } }: FastifyRequest, reply: FastifyReply, names: ReadonlySet<string>): FastifyReply {
    if (origin === undefined || corsOrigins?.includes(origin) !== true) throw new RoomcastError('origin_forbidden')
    return reply.code(204).headers({
      'access-control-allow-methods': [...names].join(', '),
      'access-control-allow-headers': REQUEST_HEADERS,
      'access-control-max-age': MAX_AGE_S
    }).send()
  }
}, { name: 'roomcast-cors', dependencies: ['roomcast-settings'], fastify: '5.x' })

/** A host's @fastify/cors, whose hooks this scope inherits, leaves such a route alone. */
function leaveToUs (route: RouteOptions): void {
  route.config = Object.assign({}, route.config, { cors: false })
}
