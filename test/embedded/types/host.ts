// A host as TypeScript sees it: it augments what hosts augment, and must compile with Roomcast beside it.
import fastifyJwt from '@fastify/jwt'
import fastifyRedis from '@fastify/redis'
import fastifyWebsocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import { roomcast, websocketOptions, type Claims, type PresenceService, type Realtime, type RoomcastOptions } from '../../../src/app.ts'

declare module 'fastify' {
  interface FastifyInstance {
    authenticate: (request: FastifyRequest) => Promise<void>
  }
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: { name: string }
    user: { name: string, roles: string[] }
  }
}

const options: RoomcastOptions = {
  prefix: '/realtime',
  redisUrl: 'redis://127.0.0.1',
  apiKeys: [{ name: 'backend', key: 'k'.repeat(32), scopes: ['publish'] }],
  authenticate: async request => {
    const { name, roles } = request.user
    return { sub: name, info: { roles } } satisfies Claims
  },
  authorize: ({ claims, action, room }) => action === 'subscribe' && room === claims.sub,
  onPublish: async ({ room, data, from }) => data === room && from?.userId !== undefined ? 'accept' : 'refuse'
}

export async function createHost (): Promise<FastifyInstance> {
  const app = Fastify({ routerOptions: { maxParamLength: 600 } })
  await app.register(fastifyJwt, { secret: 'secret' })
  await app.register(fastifyRedis, {})
  await app.register(fastifyWebsocket, websocketOptions)
  app.decorate('authenticate', async request => { await request.jwtVerify() })
  await app.register(roomcast, options)
  await app.register(roomcast, { prefix: '/realtime', health: true, docs: true, leaseMs: 20_000, allowedOrigins: ['https://example.com'] })
  await app.register(roomcast)

  app.get('/me', { onRequest: app.authenticate }, async ({ user }): Promise<{ name: string, roles: string[] }> => user)
  app.post('/login', async () => app.jwt.sign({ name: 'alice' }))
  app.get('/cached', async (): Promise<string | null> => app.redis.get('key'))
  return app
}

/** What the host may do with the decorators, and what it gets from them. */
export async function useDecorators (app: FastifyInstance): Promise<void> {
  const realtime: Realtime = app.realtime
  const presence: PresenceService = app.presence
  const count: number = realtime.connectionCount
  for (const { room, user, epoch, offset, duplicate } of await realtime.publish({ users: ['a', 'b'] }, { any: ['JSON', count] }, { key: 'k1' })) {
    const position: { room: string, user?: string | undefined, epoch?: string | undefined, offset?: number | undefined } = { room, user, epoch, offset }
    app.log.info(position, duplicate ? 'again' : 'once')
  }
  for (const outcome of await realtime.publishBatch([{ target: { room: 'lobby' }, data: 1, volatile: true }])) {
    app.log.info(outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason))
  }
  await realtime.publish({ room: 'lobby' }, null, { except: 'a connection' })
  await realtime.publish({ everyone: true }, 1)
  const told: number[] = [
    await realtime.disconnect({ user: 'alice', except: 'a connection' }, { code: 4401, reason: 'new rights' }),
    await realtime.disconnect({ connection: 'a connection' }),
    await realtime.subscribe('alice', 'lobby'),
    await realtime.unsubscribe('alice', 'lobby')
  ]
  app.log.info(told)
  realtime.on('connect', ({ connectionId, userId }) => { app.log.info([connectionId, userId] satisfies string[]) })
  realtime.on('disconnect', ({ userId, code, reason }) => { app.log.info({ userId, code, reason } satisfies { userId: string, code: number, reason: string }) })
  const isOnline: boolean = await presence.isOnline('alice')
  const { online, connections } = await presence.user('alice')
  const names: string[] = connections.map(({ nodeName }) => nodeName)
  const pong: string | undefined = await app.publisher?.ping()
  const status: string | undefined = app.subscriber?.status
  app.log.info({ isOnline, online, names, pong, status })
}
