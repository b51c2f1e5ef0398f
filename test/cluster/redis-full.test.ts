import t from 'tap'
import { connect } from '../helpers/client.ts'
import { nodeIdOf, receivedBy, startCluster } from '../helpers/cluster.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const LEASE_MS = 2_000
const MARGIN_MS = 5_000
const env = { HEARTBEAT_MS: '300', LEASE_MS: `${LEASE_MS}` }

t.test('while Redis is full publishes are refused and have no effect, presence stays true, and with memory all goes on', async t => {
  const cluster = await startCluster(t, { env })
  const { redis, nodes } = cluster
  const [node1, node2] = cluster.pair()
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  const nodeId = await nodeIdOf(node2, alice)
  t.equal((await node1.publish({ room: 'lobby', data: 'before' })).status, 200)

  await redis.fill()
  const since = performance.now()
  // For longer than a lease: what keeps the nodes alive must be done by a full Redis too.
  for (let isLast = false; !isLast;) {
    isLast = performance.now() - since > LEASE_MS * 1.5
    for (const target of [{ room: 'lobby' }, { room: 'fresh' }, { everyone: true as const }, { room: 'lobby', volatile: true }, { room: 'lobby', key: 'k' }]) {
      const { status, body, headers } = await node1.publish({ ...target, data: 'refused' })
      t.match({ status, body }, { status: 503, body: { code: 'unavailable' } }, JSON.stringify(target))
      t.equal(headers.get('retry-after'), '1')
    }
    for (const node of nodes) {
      t.equal((await node.get('/ready')).status, 503)
      t.same((await node.presence('alice')).connections.map(one => one.connectionId), [alice.connectionId], 'who is online is online')
    }
    t.same((await node2.members('lobby')).members.map(({ userId }) => userId), ['alice'])
    t.same((await node2.history('lobby')).map(({ data }) => data), ['before'])
  }
  await t.rejects(alice.publish('lobby', 'refused'), { code: 'unavailable' })
  await t.rejects(alice.subscribe('attic'), { code: 'unavailable' })
  t.same((await node2.members('lobby')).version, 1)
  t.notMatch(nodes.flatMap(({ logs }) => logs).join('\n'), /"level":[456]0/, 'it is no error of the nodes')

  await redis.drain()
  for (const node of nodes) await until(`${node.name} is ready`, 200, async () => (await node.get('/ready')).status, MARGIN_MS)
  t.match((await node2.publish({ room: 'lobby', data: 'after', key: 'k' })).body, { publications: [{ offset: 2, duplicate: false }] })
  await alice.subscribe('attic')
  t.same((await node2.members('attic')).members.map(({ userId }) => userId), ['alice'])
  const [frames = []] = await receivedBy(node2, [alice])
  t.same(frames.flatMap(frame => frame.type === 'message' ? [frame.data] : []), ['before', 'after'])
  t.equal(await nodeIdOf(node2, alice), nodeId, 'with the lease that it had')
})

t.test('a start with a Redis that may evict keys warns, and says what to set', async t => {
  const cluster = await startCluster(t, { nodes: 1 })
  const [quiet] = cluster.nodes
  t.notMatch(quiet?.logs.join('\n'), 'noeviction')
  await cluster.redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  const warned = await cluster.start()
  const warnings = warned.logs.filter(line => line.includes('set maxmemory-policy noeviction'))
  t.equal(warnings.length, 1)
  t.match(JSON.parse(warnings[0] ?? '{}'), { level: 40, policy: 'allkeys-lru', redis: `127.0.0.1:${cluster.redis.port}` })
})
