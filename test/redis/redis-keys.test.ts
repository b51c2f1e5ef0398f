import t from 'tap'
import { RedisKeys } from '../../src/redis/redis-keys.ts'
import { ROOM_NAMES } from '../conformance/broker-suite/rooms.ts'
import { connectionOf, memberOf, reportOf, roomOf } from '../conformance/presence-store.ts'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedis, type RedisServer } from '../helpers/redis-server.ts'

t.test('every key has an expiry', async t => {
  const { redis, prefix } = await usedRedis(t)
  const keys = await keysOf(redis, prefix)
  t.ok(keys.length >= 12, `there are keys: ${keys.length}`)
  for (const key of keys) t.ok(await redis.command('PTTL', key) as number > 0, key)
})

t.test('on a Redis Cluster', async t => {
  const redis = await startRedis(t, { cluster: 'whole' })
  const keys = new RedisKeys({ prefix: randomPrefix(), db: 0 })
  const slotsOf = async (names: readonly string[]) =>
    new Set(await Promise.all(names.map(name => redis.command('CLUSTER', 'KEYSLOT', name)))).size

  t.test('all keys and channels of one room, and of one user, share a hash slot', async t => {
    let scattered = 0
    for (const name of ROOM_NAMES) {
      if (await slotsOf([
        keys.roomEnd(name), keys.roomChannel(name), keys.roomConnections(name), keys.roomMembers(name), keys.roomOrder(name), keys.roomVersion(name)
      ]) !== 1) scattered++
      if (await slotsOf([keys.userConnections(name), keys.userSeen(name)]) !== 1) scattered++
    }
    t.equal(scattered, 0)
  })

  t.test('all keys of the leases share a hash slot', async t => {
    t.equal(await slotsOf([keys.leases(), keys.leasesSince(), keys.leaseHolders(), keys.claims()]), 1)
  })

  t.test('rooms are spread over the slots', async t => {
    t.ok(await slotsOf(Array.from({ length: 100 }, (_, index) => keys.roomEnd(`room ${index}`))) > 90)
  })
})

t.test('no two names ever give the same key or channel', async t => {
  const keys = new RedisKeys({ prefix: 'roomcast', db: 0 })
  const names = [...ROOM_NAMES, ...ROOM_NAMES.flatMap(name => [`${name}}:end`, `${name}}:live`, `${name}}:connections`, `${name}}:seen`, `${name}}:members`, `r:${name}`, `u:${name}`])]
  const all = [...new Set(names)].flatMap(name => [
    keys.roomEnd(name), keys.roomChannel(name), keys.roomConnections(name), keys.roomMembers(name), keys.roomOrder(name), keys.roomVersion(name),
    keys.probeChannel(name), keys.probe(name), keys.userConnections(name), keys.userSeen(name), keys.nodeIndex(name)
  ])
  const shared = [keys.leases(), keys.leasesSince(), keys.leaseHolders(), keys.claims(), keys.rooms()]
  t.equal(new Set([...all, ...shared]).size, all.length + shared.length)
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
  await broker.start({ onPublication: () => {}, onVolatile: () => {}, onMemberEvent: () => {}, onForget: () => {}, onResubscribed: () => {} })
  await broker.subscribe('lobby')
  await broker.publish({ room: 'lobby', data: '1' })
  await broker.position('attic')
  await broker.check()
  const node = { nodeId: 'n1', nodeName: 'n' }
  await store.takeLease(node, reportOf())
  for (const connectionId of ['c1', 'c2']) {
    for (const entry of [connectionOf({ connectionId }), memberOf({ connectionId }), roomOf(`room of ${connectionId}`)]) await store.register(node, entry)
  }
  for (const entry of [connectionOf({ connectionId: 'c2' }), memberOf({ connectionId: 'c2' }), roomOf('room of c2')]) await store.remove('n1', entry)
  await store.register(node, memberOf({ connectionId: 'c3', userId: 'bob', room: 'attic' }))
  await store.remove('n1', memberOf({ connectionId: 'c3', userId: 'bob', room: 'attic' }))
  await store.members('cellar')
  await store.takeLease({ nodeId: 'n2', nodeName: 'n' }, reportOf())
  await store.releaseLease({ nodeId: 'n2', nodeName: 'n' }, 1)
  await store.renewLease(node, reportOf())
  return { redis, prefix }
}

async function keysOf (redis: RedisServer, prefix: string): Promise<string[]> {
  return await redis.command('KEYS', `${prefix}*`) as string[]
}
