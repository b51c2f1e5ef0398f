import t from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { startRedis, type RedisServer } from '../helpers/redis-server.ts'
import { refusedStart } from '../helpers/refused-start.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const LAST_SLOT = 16_383
/** They tell each other once a second who has which slots. */
const GOSSIP_MS = 15_000

async function info (redis: RedisServer, name: string): Promise<string | undefined> {
  return new RegExp(`${name}:(\\w+)`).exec(String(await redis.command('CLUSTER', 'INFO')))?.[1]
}

/** Makes masters of one Redis Cluster of those that each hold all slots. */
async function share (masters: readonly RedisServer[]): Promise<void> {
  const [first] = masters
  const size = Math.ceil((LAST_SLOT + 1) / masters.length)
  for (const [index, redis] of masters.entries()) {
    const [from, to] = [index * size, Math.min((index + 1) * size - 1, LAST_SLOT)]
    await redis.command('CLUSTER', 'FLUSHSLOTS')
    await redis.command('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`)
    const [, busPort = ''] = await redis.command('CONFIG', 'GET', 'cluster-port') as string[]
    if (redis !== first) await first?.command('CLUSTER', 'MEET', '127.0.0.1', `${redis.port}`, busPort)
  }
  for (const redis of masters) {
    await until('the size of the Redis Cluster', `${masters.length}`, () => info(redis, 'cluster_size'), GOSSIP_MS)
    await until('its state', 'ok', () => info(redis, 'cluster_state'), GOSSIP_MS)
  }
}

t.test('P28: a Redis Cluster of several masters is refused at the start, in words', async t => {
  const masters = await Promise.all([1, 2, 3].map(() => startRedis(t, { cluster: true })))
  await share(masters)
  for (const { url, port } of masters.slice(0, 2)) {
    const log = await refusedStart(t, { REDIS_URL: url })
    t.match(log, `Redis at 127.0.0.1:${port} is one of 3 masters of a Redis Cluster, which Roomcast does not support`)
  }
})

t.test('P28: a Redis Cluster of one master that holds all slots does what any Redis does', async t => {
  const cluster = await startCluster(t, { redis: await startRedis(t, { cluster: true }) })
  const [node1, node2] = cluster.pair()
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  const { epoch, offset } = await alice.subscribe('lobby', { presence: true })
  for (const target of [{ rooms: ['lobby', 'attic'] }, { user: 'alice' }, { everyone: true }] as const) t.equal((await node2.publish({ ...target, data: 'here' })).status, 200)
  const [received = []] = await receivedBy(node2, [alice])
  t.same(received.map(frame => frame.type === 'message' && frame.room), ['lobby', '$user:alice', '$all'])
  t.same((await node2.presence('alice')).connections.map(({ connectionId }) => connectionId), [alice.connectionId])
  t.same((await node2.members('lobby')).members.map(({ userId }) => userId), ['alice'])
  const bob = await connect(t, { url: node2.wsUrl, token: memberToken('bob') })
  t.match(await bob.subscribe('lobby', { since: { epoch, offset } }), { recovered: true, publications: [{ data: 'here' }] })
  await alice.close()
  await until('alice', false, async () => (await node2.presence('alice')).online)
})
