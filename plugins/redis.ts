import { readFile } from 'node:fs/promises'
import fastifyRedis from '@fastify/redis'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import { ClusterShards } from '../src/redis/cluster-shards.ts'
import { RedisKeys } from '../src/redis/redis-keys.ts'
import { RedisMeters } from '../src/redis/redis-meters.ts'
import { redisTarget } from '../src/redis/redis-target.ts'
import type { Shards } from '../src/redis/shards.ts'
import { SingleShard } from '../src/redis/single-shard.ts'

/** What the brokers and stores of this node share. */
export interface RedisBackend {
  readonly shards: Shards
  readonly keys: RedisKeys
  readonly meters: RedisMeters
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Roomcast's Redis connection that writes and asks; null with the embedded default, and on a Redis Cluster, where there is one for each master. */
    publisher: Redis | null
    /** Roomcast's Redis connection that only listens; null where `publisher` is. */
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
  const meters = new RedisMeters()
  const parts = { ca, meters, log: app.log }
  const shards = 'nodes' in target ? await ClusterShards.connect({ ...parts, target }) : await SingleShard.connect({ ...parts, target })
  app.addHook('onClose', () => shards.close())
  app.decorate('roomcastRedis', { shards, meters, keys: new RedisKeys({ prefix: keyPrefix, db: shards.db }) })
  if (shards instanceof ClusterShards) {
    app.decorate('publisher', null).decorate('subscriber', null)
    return
  }

  const { publisher, subscriber } = shards.of()
  // The host may have a `redis` decorator; ours stays in this scope.
  app.decorate('redis', Object.create(null) as FastifyInstance['redis'])
  await app.register(fastifyRedis, { client: publisher, namespace: 'publisher', closeClient: false })
  await app.register(fastifyRedis, { client: subscriber, namespace: 'subscriber', closeClient: false })
  app.decorate('publisher', publisher).decorate('subscriber', subscriber)
}, { name: 'roomcast-redis', dependencies: ['roomcast-settings'], fastify: '5.x' })
