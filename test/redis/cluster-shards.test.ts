import t, { type Test } from 'tap'
import type { Shards, ShardsListener } from '../../src/redis/shards.ts'
import { slotOf } from '../../src/redis/slot-map.ts'
import { connectionOf, memberOf, reportOf } from '../conformance/presence-store.ts'
import { startLink } from '../helpers/faulty-link.ts'
import { lastingPort } from '../helpers/free-port.ts'
import { MasterLinks } from '../helpers/master-links.ts'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedisCluster } from '../helpers/redis-cluster.ts'
import type { RedisServer } from '../helpers/redis-server.ts'
import { until } from '../helpers/until.ts'
import { within } from '../helpers/within.ts'

/** What the first try to reach a master yet takes, and the pause after it, when who asked for it waits no longer. */
const REST_OF_TRY_MS = 1_500
const RETURN_MS = 10_000
/** How late everything is that a slow link brings: long enough to move a slot meanwhile, and back within a time-out. */
const FAR_MS = 600
const MANY = 200
const NODE = { nodeId: 'n1', nodeName: 'n' }
/** The slot of a name does not depend on the prefix. */
const LEASES = '{leases}'
const LOBBY = '{r:lobby}'

const redisCluster = await startRedisCluster(t, { replicas: 'none' })
const links = new MasterLinks(t, redisCluster)
await links.start()

/** A node, and what it hears of its masters. */
async function start (t: Test, listener: ShardsListener = {}) {
  const node = await RedisNode.connect(t, redisCluster, { prefix: randomPrefix() })
  node.shards.listen(listener)
  return node
}

/** The master that has the slot of a key, and another one. */
function pairFor (key: string): readonly [master: RedisServer, other: RedisServer] {
  const { master } = redisCluster.placeOf(key)
  const other = redisCluster.masters.find(one => one !== master)
  if (other === undefined) throw new Error('there is no other master')
  return [master, other]
}

/** What a master says of a key that another has. */
function moved (key: string, address: string): Error {
  return Object.assign(new Error(`MOVED ${slotOf(key)} ${address}`), { name: 'ReplyError' })
}

/** Lets a node ask who has which slots, and waits for the answer. */
async function learn (shards: Shards): Promise<void> {
  await shards.redirect(moved(LOBBY, '?:1'), LOBBY)
}

/** A key that a master has. */
function keyOf (master: RedisServer): string {
  for (let number = 0; ; number++) if (redisCluster.placeOf(`{${number}}`).master === master) return `{${number}}`
}

/** How often a master was asked to do a command. */
async function calls (redis: RedisServer, command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command.replace('|', '\\|')}:calls=(\\d+)`).exec(String(await redis.command('INFO', 'commandstats')))?.[1] ?? 0)
}

async function listeners (redis: RedisServer, channels: readonly string[]): Promise<number> {
  const counts = await redis.command('PUBSUB', 'SHARDNUMSUB', ...channels) as unknown[]
  return counts.filter(count => count === 1).length
}

for (const how of ['with its slot', 'although its slot stays'] as const) {
  t.test(`of many channels that Redis takes away at a time, ${how}, all are asked for again at a time, and told of`, async t => {
    const told: number[] = []
    const { shards } = await start(t, { onResubscribed: channels => { if (channels !== 'all') told.push(channels.size) } })
    const channels = Array.from({ length: MANY }, (_, index) => `${LOBBY}${index}`)
    await Promise.all(channels.map(channel => shards.channels.subscribe(channel)))
    const [master, other] = pairFor(LOBBY)
    const at = how === 'with its slot' ? other : master
    const before = await calls(at, 'ssubscribe')
    if (at === other) await redisCluster.moveSlot(slotOf(LOBBY), master, other)
    else await master.command('CLUSTER', 'SETSLOT', `${slotOf(LOBBY)}`, 'NODE', String(await master.command('CLUSTER', 'MYID')))
    await until('who listens', MANY, () => listeners(at, channels), RETURN_MS)
    // What was asked for on the same connection before this has been done, too.
    await shards.channels.subscribe(`${LOBBY}barrier`)
    await until('what was told', true, () => told.some(count => count >= MANY))
    t.ok(await calls(at, 'ssubscribe') - before < 5, 'a few commands')
    t.ok(told.length < 5, `told ${told.length} times`)
    if (at === other) await redisCluster.moveSlot(slotOf(LOBBY), other, master)
  })
}

t.test('a master that could not be reached at first is reached again, also when its link breaks later', async t => {
  const node = await start(t)
  const [master] = pairFor(LOBBY)
  const link = await startLink(t, master.port, await lastingPort())
  const { port } = link
  const attempt = () => node.broker.position('lobby').then(() => true, () => false)
  t.after(() => links.moveHouse(master))
  await links.moveHouse(master, link)
  await link.close()
  await learn(node.shards)
  t.equal(await attempt(), false)
  await node.pass(REST_OF_TRY_MS)
  t.ok(node.shards.all().includes(node.shards.of(LOBBY)), 'all of them is what is tried now')
  await link.start(port)
  await until('an answer', true, attempt, RETURN_MS)
  await link.close()
  await until('its loss', false, attempt, RETURN_MS)
  await link.start(port)
  await until('an answer after the link broke', true, attempt, RETURN_MS)
})

t.test('a take of a lease that fails after a master was replaced is made up for: the entries that it may have lost are written', async t => {
  let replacements = 0
  const { store, shards } = await start(t, { onReplaced: () => { replacements++ } })
  await store.takeLease(NODE, reportOf())
  const [master, other] = pairFor(LEASES)
  await links.moveHouse(other)
  await learn(shards)
  await until('replacements', 1, () => replacements, RETURN_MS)
  const link = links.to(master)
  const { port } = link
  await link.close()
  await until('a take of the lease', 'unavailable', () => store.takeLease(NODE, reportOf()).then(() => 'done', ({ code }) => code))
  await link.start(port)
  const renewal = () => store.renewLease(NODE, reportOf()).catch(() => ({ status: 'not yet' }))
  await until('the renewal', { status: 'lost' }, renewal, RETURN_MS)
  await until('another take of the lease', true, () => store.takeLease(NODE, reportOf()).then(() => true, () => false), RETURN_MS)
  t.match(await renewal(), { status: 'held' })
})

t.test('a master that does not know its host points to another all the same', async t => {
  for (const redis of redisCluster.masters) await redis.command('CONFIG', 'SET', 'cluster-preferred-endpoint-type', 'unknown-endpoint')
  t.after(async () => { for (const redis of redisCluster.masters) await redis.command('CONFIG', 'SET', 'cluster-preferred-endpoint-type', 'ip') })
  const { broker } = await start(t)
  const { offset = 0 } = await broker.publish({ room: 'lobby', data: '1' })
  const [master, other] = pairFor(LOBBY)
  await redisCluster.moveSlot(slotOf(LOBBY), master, other)
  t.equal((await broker.publish({ room: 'lobby', data: '2' })).offset, offset + 1)
  await redisCluster.moveSlot(slotOf(LOBBY), other, master)
})

t.test('a link to a master without the leases that goes silent is noticed, and made anew', async t => {
  const [, other] = pairFor(LEASES)
  const link = links.to(other)
  await start(t)
  const { connections } = link
  link.drop(['down'], 'roomcast-publisher')
  await until('a new attempt to connect', true, () => link.connections > connections, RETURN_MS)
  link.heal()
})

t.test('while a slot is on its way, whatever is asked of it is done', async t => {
  const { broker, store } = await start(t)
  await store.takeLease(NODE, reportOf())
  await store.register(NODE, connectionOf())
  await store.register(NODE, memberOf())
  await broker.publish({ room: 'lobby', data: '1' })
  for (const key of [LOBBY, '{u:alice}']) {
    const [master, other] = pairFor(key)
    await redisCluster.moveSlot(slotOf(key), master, other, async () => {
      t.match(await store.users(['alice', 'alice']), [{ online: true, connections: [{ connectionId: 'c1' }] }, { online: true }])
      t.match(await store.connection('c1'), { userId: 'alice' })
      t.match(await store.members('lobby'), { members: [{ userId: 'alice' }] })
      t.match(await store.occupancy('lobby'), { connections: 1 })
      t.match(await broker.history('lobby', { limit: 10, maxBytes: 1_000 }), { publications: [{ offset: 1 }] })
      t.match(await broker.position('lobby'), { offset: 1 })
    })
    await redisCluster.moveSlot(slotOf(key), other, master)
  }
  t.equal((await broker.publish({ room: 'lobby', data: '2' })).offset, 2)
})

t.test('a map that was under way when a master told of something newer puts no old owner back', async t => {
  const { shards } = await start(t)
  const [master, other] = pairFor(LOBBY)
  const asked = async (): Promise<number> => (await Promise.all(redisCluster.masters.map(one => calls(one, 'cluster|slots')))).reduce((sum, one) => sum + one)
  const before = await asked()
  for (const link of links.all()) link.delay(FAR_MS)
  const learned = shards.redirect(moved(LOBBY, '?:1'), LOBBY)
  await until('masters that were asked', before + links.all().length, asked)
  await redisCluster.moveSlot(slotOf(LOBBY), master, other)
  const address = `127.0.0.1:${links.to(other).port}`
  t.equal((await shards.redirect(moved(LOBBY, address), LOBBY))?.shard.address, address)
  t.equal((await within('map', RETURN_MS, learned))?.shard.address, address)
  t.equal(shards.of(LOBBY).address, address)
  for (const link of links.all()) link.heal()
  await redisCluster.moveSlot(slotOf(LOBBY), other, master)
})

/** A node that listens to a channel of others, and what it hears there. */
async function startBridge (t: Test) {
  const heard: string[] = []
  const told: string[] = []
  const { shards } = await start(t, {
    onMessage: (_channel, message) => { heard.push(message.toString()) },
    onResubscribed: channels => { if (channels !== 'all') told.push(...channels) }
  })
  await shards.channels.subscribe(LOBBY, 'others')
  return { shards, heard, told }
}

/** How many listen to a channel of others at a master. */
async function audience (redis: RedisServer, channel: string): Promise<number> {
  return Number((await redis.command('PUBSUB', 'NUMSUB', channel) as unknown[])[1])
}

t.test('what others publish comes once while the master that is listened to gets another address, also when another is away', async t => {
  const { shards, heard, told } = await startBridge(t)
  const [master, other] = pairFor(LOBBY)
  await shards.channels.subscribe(keyOf(other))
  const from = shards.of(LOBBY)
  links.to(master).delay(FAR_MS)
  const closed = await startLink(t, other.port)
  t.after(() => links.moveHouse(other))
  await links.moveHouse(other, closed)
  await closed.close()
  await links.moveHouse(master)
  await learn(shards)
  let sent = 0
  const tell = async (): Promise<boolean> => {
    await other.command('PUBLISH', LOBBY, `${sent++}`)
    return told.includes(LOBBY) && await audience(master, LOBBY) === 1
  }
  await until('the move', true, tell, RETURN_MS)
  // Whatever came to the old address before this has been heard, too.
  await from.channels.subscribe('barrier', 'others')
  t.same(heard, [...new Set(heard)], 'nothing came twice')
  t.ok(heard.length > 0)
})

t.test('what others publish is listened to where it is while its slot moves, and nothing is missed', async t => {
  const { shards, heard, told } = await startBridge(t)
  const [master, other] = pairFor(LOBBY)
  const barrier = `${LOBBY}barrier`
  await Promise.all([barrier, keyOf(master)].map(channel => shards.channels.subscribe(channel)))
  let sent = 0
  const tell = async (): Promise<boolean> => {
    for (const redis of redisCluster.masters) await redis.command('PUBLISH', LOBBY, `${sent++}`)
    return told.includes(barrier)
  }
  await redisCluster.moveSlot(slotOf(LOBBY), master, other)
  await until('the move of what has a slot', true, tell, RETURN_MS)
  await until('what was heard', sent, () => heard.length)
  t.same([await audience(master, LOBBY), await audience(other, LOBBY)], [1, 0])
  await redisCluster.moveSlot(slotOf(LOBBY), other, master)
})

t.end()
