import fastifyJwt from '@fastify/jwt'
import fastifyRedis from '@fastify/redis'
import fastifySwagger from '@fastify/swagger'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import { roomcast, type RoomcastOptions } from '../../src/app.ts'

type Authenticate = (request: FastifyRequest) => Promise<void>

/** The address of a host's Roomcast, below the host's own. */
export const PREFIX = '/realtime'

export interface Host {
  readonly app: FastifyInstance
  /** Such as `http://127.0.0.1:43211`. */
  readonly url: string
  /** Where clients connect. */
  readonly wsUrl: string
  /** What the host's logger wrote, line by line. */
  readonly logs: readonly string[]
}

/** An empty host that a guest can live in; it closes with the test. */
export function createHost (t: Pick<Test, 'after'>, logs: string[] = []): FastifyInstance {
  const app: FastifyInstance = Fastify({
    logger: { level: 'debug', stream: { write: line => { logs.push(line) } } },
    routerOptions: { maxParamLength: 600 }
  })
  t.after(() => app.close())
  return app
}

/** An empty host with Roomcast in it, that listens. */
export async function startHost (t: Pick<Test, 'after'>, options: RoomcastOptions, logs: string[] = []): Promise<Host> {
  const app = createHost(t, logs)
  await app.register(roomcast, { prefix: PREFIX, ...options })
  return listen(app, logs)
}

export async function listen (app: FastifyInstance, logs: readonly string[] = []): Promise<Host> {
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url, wsUrl: `${url.replace('http', 'ws')}${PREFIX}/ws`, logs }
}

/** Gives an app all that hosts commonly have: JWT, Redis, OpenAPI, an `authenticate` of its own, its own errors, and routes that use them. */
export async function furnish (app: FastifyInstance, { redisUrl }: { redisUrl: string }): Promise<void> {
  await app.register(fastifyJwt, { secret: 'the-secret-of-the-host-not-of-roomcast' })
  await app.register(fastifyRedis, { url: redisUrl })
  await app.register(fastifySwagger, { openapi: { info: { title: 'The host', version: '7' } } })
  app.decorate('authenticate', async (request: FastifyRequest) => { await request.jwtVerify() })
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    reply.code(error.statusCode ?? 500).send({ host: 'is sorry', because: error.message })
  })
  app.setNotFoundHandler((_request, reply) => { reply.code(404).send({ host: 'knows nothing of it' }) })
  addAccounts(app)
  addOrders(app)
  addCache(app)
}

function addAccounts (app: FastifyInstance): void {
  app.post<{ Body: { name: string } }>('/login', async ({ body: { name } }) => ({ token: app.jwt.sign({ name }) }))
  app.get('/me', { preHandler: app.getDecorator<Authenticate>('authenticate') }, async ({ user }) => user)
  // What routes can see of a request and of its reply, whoever decorated them.
  app.get('/names', async (request, reply) => ({ request: namesOf(request), reply: namesOf(reply) }))
}

function addOrders (app: FastifyInstance): void {
  const body = {
    type: 'object', required: ['count'], additionalProperties: false, properties: { count: { type: 'integer' } }
  }
  app.post('/orders', { schema: { summary: 'Order something', body } }, async ({ body }) => body)
  app.post<{ Params: { user: string } }>('/orders/:user/ship', async ({ params: { user } }) => {
    const publications = await app.realtime.publish({ user }, { shipped: true })
    return { publications, wasOnline: await app.presence.isOnline(user) }
  })
  app.get('/broken', async () => { throw new Error('the host broke') })
}

function addCache (app: FastifyInstance): void {
  app.put<{ Params: { key: string }, Body: { value: string } }>('/cache/:key', async ({ params, body }) => {
    return { done: await app.redis.set(params.key, body.value) }
  })
  app.get<{ Params: { key: string } }>('/cache/:key', async ({ params: { key } }) => ({ value: await app.redis.get(key) }))
}

/** Every name that an object answers to, its own and inherited, in order. */
export function namesOf (thing: object): string[] {
  const names = new Set<string>(Reflect.ownKeys(thing).map(String))
  for (const name in thing) names.add(name)
  return [...names].sort()
}

/** What something that must be refused was refused with. */
export async function refusal (act: () => Promise<unknown>): Promise<Error> {
  const outcome = await act().catch((error: unknown) => error)
  if (!(outcome instanceof Error)) throw new Error(`it was not refused, but gave ${String(outcome)}`)
  return outcome
}
