import t, { type Test } from 'tap'
import { RedisKeys } from '../../src/redis/redis-keys.ts'
import { slotOf } from '../../src/redis/slot-map.ts'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { survives } from '../helpers/fail-over.ts'
import { freePort } from '../helpers/free-port.ts'
import { startRedisCluster } from '../helpers/redis-cluster.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { refusedStart } from '../helpers/refused-start.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

/** The slot of a room does not depend on the prefix. */
const LOBBY = new RedisKeys({ prefix: 'any', db: 0 }).roomEnd('lobby')

const redisCluster = await startRedisCluster(t, { replicas: 'one each' })
const [redis] = redisCluster.masters
if (redis === undefined) throw new Error('there is no master')
const { env } = redisCluster

/** What nodes on any Redis do. */
async function servesAll (t: Test, cluster: Cluster): Promise<void> {
  const [node1, node2] = cluster.pair()
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  const rooms = ['lobby', 'attic', 'cellar', '{', '}{', '{lobby}']
  for (const room of rooms) await alice.subscribe(room)
  const { epoch, offset } = await alice.subscribe('watched', { presence: true })
  for (const target of [{ rooms: [...rooms, 'watched'] }, { user: 'alice' }, { everyone: true }] as const) t.equal((await node2.publish({ ...target, data: 'here' })).status, 200)
  const [received = []] = await receivedBy(node2, [alice])
  t.same(received.flatMap(frame => frame.type === 'message' ? frame.room : []).sort(), [...rooms, 'watched', '$user:alice', '$all'].sort())
  t.same((await node2.presence('alice')).connections.map(({ connectionId }) => connectionId), [alice.connectionId])
  t.same((await node2.members('watched')).members.map(({ userId }) => userId), ['alice'])
  const bob = await connect(t, { url: node2.wsUrl, token: memberToken('bob') })
  t.match(await bob.subscribe('watched', { since: { epoch, offset } }), { recovered: true, publications: [{ data: 'here' }] })
  t.match(await alice.inbox.next('join'), { type: 'join', room: 'watched', member: { userId: 'bob' } })
  await alice.close()
  await until('alice', false, async () => (await node2.presence('alice')).online)
}

t.test('P28: one of several masters is refused as the only Redis, in words', async t => {
  const log = await refusedStart(t, { REDIS_URL: redis.url })
  t.match(log, `Redis at 127.0.0.1:${redis.port} is one of 3 masters of a Redis Cluster: name some of them in REDIS_CLUSTER_NODES`)
})

t.test('P28: a Redis Cluster of one master that holds all slots does what any Redis does', async t => {
  const alone = await startRedis(t, { cluster: 'whole' })
  await servesAll(t, await startCluster(t, { redis: alone }))
})

t.test('P28: three masters serve rooms, users and members, wherever their keys lie', async t => {
  await servesAll(t, await startCluster(t, { redis, env }))
})

t.test('a start without a node of the Redis Cluster that answers ends within five seconds, naming them', async t => {
  const port = await freePort()
  const log = await refusedStart(t, { REDIS_URL: 'redis://:never-tell@cluster', REDIS_CLUSTER_NODES: `127.0.0.1:${port}` })
  t.match(log, `Redis Cluster at 127.0.0.1:${port} was not ready`)
  t.notMatch(log, 'never-tell')
})

t.test('a Redis that is no Redis Cluster is refused as one, in words', async t => {
  const plain = await startRedis(t)
  t.match(await refusedStart(t, { REDIS_URL: '', REDIS_CLUSTER_NODES: `127.0.0.1:${plain.port}` }), /cluster support disabled/)
})

t.test('P28: a slot that is moved under load takes its rooms along: nothing is lost, nothing comes twice, nothing is refused', async t => {
  const slot = slotOf(LOBBY)
  const { master } = redisCluster.placeOf(LOBBY)
  const other = redisCluster.masters.find(one => one !== master) ?? master
  const act = async (): Promise<void> => {
    await redisCluster.moveSlot(slot, master, other)
  }
  const { lost, gaps, refused } = await survives(t, { redis, env, act, isOver: async () => {}, isSeen: false })
  t.same({ lost, gaps, refused }, { lost: 0, gaps: 0, refused: 0 })
  await redisCluster.moveSlot(slot, other, master)
})

t.test('P28: a channel that Redis takes away although its slot stays is listened to again', async t => {
  const cluster = await startCluster(t, { redis, env })
  const [node1, node2] = cluster.pair()
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  const { master } = redisCluster.placeOf(LOBBY)
  const id = String(await master.command('CLUSTER', 'MYID'))
  await master.command('CLUSTER', 'SETSLOT', `${slotOf(LOBBY)}`, 'NODE', id)
  const listeners = async (): Promise<number> => Number((await master.command('PUBSUB', 'SHARDNUMSUB', cluster.keys.roomChannel('lobby')) as [string, number])[1])
  t.equal(await listeners(), 0, 'it was taken away')
  await until('who listens', 1, listeners, 10_000)
  t.equal((await node2.publish({ room: 'lobby', data: 'heard', volatile: true })).status, 200)
  t.match(await alice.inbox.next('what is not kept'), { type: 'message', data: 'heard' })
})

t.test('P28: when a master is killed under load, its replica takes over, and presence is whole', async t => {
  const { master, replica = master } = redisCluster.placeOf(LOBBY)
  await survives(t, { redis, env, act: () => master.kill(), isOver: () => redisCluster.isMaster(replica), isSeen: true })
})

t.end()
