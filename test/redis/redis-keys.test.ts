import t from 'tap'
import { RedisKeys } from '../../src/redis/redis-keys.ts'
import { ROOM_NAMES } from '../conformance/broker-suite/rooms.ts'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedis, type RedisServer } from '../helpers/redis-server.ts'

t.test('every key has an expiry', async t => {
  const { redis, prefix } = await usedRedis(t)
  const keys = await keysOf(redis, prefix)
  t.ok(keys.length >= 5, `there are keys: ${keys.length}`)
  for (const key of keys) t.ok(await redis.command('PTTL', key) as number > 0, key)
})

t.test('on a Redis Cluster', async t => {
  const redis = await startRedis(t, { cluster: true })
  const keys = new RedisKeys({ prefix: randomPrefix(), db: 0 })
  const slotsOf = async (names: readonly string[]) =>
    new Set(await Promise.all(names.map(name => redis.command('CLUSTER', 'KEYSLOT', name)))).size

  t.test('all keys and channels of one room, and of one user, share a hash slot', async t => {
    let scattered = 0
    for (const name of ROOM_NAMES) {
      if (await slotsOf([keys.roomEnd(name), keys.roomChannel(name)]) !== 1) scattered++
      if (await slotsOf([keys.userConnections(name)]) !== 1) scattered++
    }
    t.equal(scattered, 0)
  })

  t.test('rooms are spread over the slots', async t => {
    t.ok(await slotsOf(Array.from({ length: 100 }, (_, index) => keys.roomEnd(`room ${index}`))) > 90)
  })
})

t.test('no two names ever give the same key or channel', async t => {
  const keys = new RedisKeys({ prefix: 'roomcast', db: 0 })
  const names = [...ROOM_NAMES, ...ROOM_NAMES.flatMap(name => [`${name}}:end`, `${name}}:live`, `${name}}:connections`, `r:${name}`, `u:${name}`])]
  const all = [...new Set(names)].flatMap(name => [
    keys.roomEnd(name), keys.roomChannel(name), keys.probeChannel(name), keys.userConnections(name), keys.nodeIndex(name)
  ])
  t.equal(new Set([...all, keys.leases(), keys.leaseHolders()]).size, all.length + 2)
})

t.test('two clusters with another prefix, or on another database, hear nothing of each other', async t => {
  const channels = [{ prefix: 'a', db: 0 }, { prefix: 'a', db: 1 }, { prefix: 'b', db: 0 }].map(parts => new RedisKeys(parts).roomChannel('lobby'))
  t.equal(new Set(channels).size, 3)
})

/** A Redis on which everything was done that writes. */
async function usedRedis (t: Parameters<typeof startRedis>[0]) {
  const redis = await startRedis(t)
  const prefix = randomPrefix()
  const { broker, store } = await RedisNode.connect(t, redis, { prefix })
  await broker.start({ onPublication: () => {}, onResubscribed: () => {} })
  await broker.subscribe('lobby')
  await broker.publish({ room: 'lobby', data: '1' })
  await broker.position('attic')
  await broker.check()
  const node = { nodeId: 'n1', nodeName: 'n' }
  const record = { ...node, userId: 'alice', connectedAt: 1, transport: 'none', info: null }
  await store.takeLease(node)
  await store.register({ ...record, connectionId: 'c1' })
  await store.register({ ...record, connectionId: 'c2' })
  await store.remove({ ...record, connectionId: 'c2' })
  await store.renewLease(node)
  return { redis, prefix }
}

async function keysOf (redis: RedisServer, prefix: string): Promise<string[]> {
  return await redis.command('KEYS', `${prefix}*`) as string[]
}
