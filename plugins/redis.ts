import { readFile } from 'node:fs/promises'
import fastifyRedis from '@fastify/redis'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import { wordsOf } from '../src/redis/redis-calls.ts'
import { RedisClients } from '../src/redis/redis-clients.ts'
import { RedisClock } from '../src/redis/redis-clock.ts'
import { RedisKeys } from '../src/redis/redis-keys.ts'
import { redisTarget } from '../src/redis/redis-target.ts'

/** What the brokers and stores of this node share. */
export interface RedisBackend {
  readonly clients: RedisClients
  readonly keys: RedisKeys
  readonly clock: RedisClock
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Roomcast's Redis connection that writes and asks; null with the embedded default. */
    publisher: Redis | null
    /** Roomcast's Redis connection that only listens; null with the embedded default. */
    subscriber: Redis | null
    roomcastRedis: RedisBackend | null
  }
}

/** Connects to Redis, where one is configured. A Redis that cannot be reached ends the start. */
export default fp(async (app: FastifyInstance) => {
  const { redisCaFile, keyPrefix } = app.roomcastSettings
  const target = redisTarget(app.roomcastSettings)
  if (target === undefined) {
    app.decorate('publisher', null).decorate('subscriber', null).decorate('roomcastRedis', null)
    return
  }
  // @fastify/redis makes a client only after a plugin time-out that hides the cause; so the clients are made here, and lent to it.
  const ca = redisCaFile === undefined ? undefined : await readFile(redisCaFile, 'utf8')
  const clients = await RedisClients.connect({ target, ca, log: app.log })
  app.addHook('onClose', () => clients.close())
  const { publisher, subscriber } = clients

  // The host may have a `redis` decorator; ours stays in this scope.
  app.decorate('redis', Object.create(null) as FastifyInstance['redis'])
  await app.register(fastifyRedis, { client: publisher, namespace: 'publisher', closeClient: false })
  await app.register(fastifyRedis, { client: subscriber, namespace: 'subscriber', closeClient: false })

  const clock = new RedisClock(publisher)
  await clock.sync().catch(cause => {
    throw new Error(`Redis at ${clients.address} refused what the start needs: ${wordsOf(cause)}`, { cause })
  })
  const keys = new RedisKeys({ prefix: keyPrefix, db: clients.db })
  app.decorate('publisher', publisher).decorate('subscriber', subscriber).decorate('roomcastRedis', { clients, keys, clock })
}, { name: 'roomcast-redis', dependencies: ['roomcast-settings'], fastify: '5.x' })
