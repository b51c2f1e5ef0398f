import fastifyCors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { roomcast, type RoomcastOptions } from '../../src/app.ts'
import { securityHeaders } from '../../plugins/security-headers.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { API_KEY, withKey } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { createHost, PREFIX } from './host.ts'

const OURS = 'https://console.test'
const THEIRS = 'https://host.test'
const CLIENTS = 'https://app.test'
const ALLOW = 'access-control-allow-origin'

const options: RoomcastOptions = {
  prefix: PREFIX, jwtSecret: JWT_SECRET, apiKeys: [{ name: 'tests', key: API_KEY }], allowedOrigins: [CLIENTS], corsOrigins: [OURS]
}

/** What a host has of this kind itself. */
async function furnish (app: FastifyInstance): Promise<void> {
  await app.register(fastifyCors, { origin: [THEIRS], methods: ['GET', 'PUT'] })
  app.get('/orders', async () => ({ orders: [] }))
}

function preflight (app: FastifyInstance, url: string, origin: string) {
  return app.inject({ method: 'OPTIONS', url, headers: { origin, 'access-control-request-method': 'GET' } })
}

for (const order of ['before', 'after'] as const) {
  t.test(`a host that has @fastify/cors, registered ${order} Roomcast, keeps it for its own routes, and ours go by our list`, async t => {
    const app = createHost(t)
    if (order === 'before') await furnish(app)
    await app.register(roomcast, options)
    if (order === 'after') await furnish(app)
    await app.ready()

    const ask = (url: string, origin: string, headers = withKey(API_KEY)) => app.inject({ url, headers: { ...headers, origin } })
    const routes: ReadonlyArray<[url: string, origin: string, headers?: Record<string, string>]> = [
      ['/orders', THEIRS], [`${PREFIX}/presence/alice`, OURS], [`${PREFIX}/ws`, CLIENTS, withKey(memberToken('alice'))]
    ]
    for (const [url, own, headers] of routes) {
      for (const origin of [OURS, THEIRS, CLIENTS]) {
        const allowed = origin === own ? origin : undefined
        t.equal((await ask(url, origin, headers)).headers[ALLOW], allowed, `${url} for ${origin}`)
        t.equal((await preflight(app, url, origin)).headers[ALLOW], allowed, `${url} for ${origin}, asked before`)
      }
    }
    t.equal((await preflight(app, '/orders', THEIRS)).headers['access-control-allow-methods'], 'GET, PUT')
    t.match((await preflight(app, `${PREFIX}/presence/alice`, OURS)).headers['access-control-allow-methods'], /^GET, HEAD$|^HEAD, GET$/)
  })
}

t.test('without a list of ours the host\'s @fastify/cors serves our REST routes as any of its own', async t => {
  const app = createHost(t)
  await furnish(app)
  const { corsOrigins: _, ...rest } = options
  await app.register(roomcast, rest)
  for (const url of ['/orders', `${PREFIX}/presence/alice`]) {
    t.equal((await app.inject({ url, headers: { origin: THEIRS } })).headers[ALLOW], THEIRS)
    t.match(await preflight(app, url, THEIRS), { statusCode: 204, headers: { [ALLOW]: THEIRS } })
  }
})

t.test('our headers stand on our answers, and on no answer of the host', async t => {
  const app = createHost(t)
  await app.register(roomcast, options)
  app.get('/orders', async () => ({ orders: [] }))
  for (const url of ['/orders', '/nothing', `${PREFIX}/nothing`]) {
    const { headers } = await app.inject(url)
    for (const name of Object.keys(securityHeaders)) t.equal(headers[name], undefined, `${url}: ${name}`)
  }
  for (const url of [`${PREFIX}/presence/alice`, `${PREFIX}/rooms`]) t.match((await app.inject({ url, headers: withKey(API_KEY) })).headers, securityHeaders)
})

t.test('a page may read when to come again, after what Redis could not do', async t => {
  const redis = await startRedis(t)
  const app = createHost(t)
  await app.register(roomcast, { ...options, redisUrl: redis.url })
  await app.ready()
  await redis.kill()
  const { statusCode, headers } = await app.inject({ url: `${PREFIX}/presence/alice`, headers: { ...withKey(API_KEY), origin: OURS } })
  t.equal(statusCode, 503)
  t.match(headers, { [ALLOW]: OURS, 'access-control-expose-headers': 'retry-after', 'retry-after': /^[1-9]/ })
})
