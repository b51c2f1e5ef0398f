import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { startRedis } from '../helpers/redis-server.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const redis = await startRedis(t)

/** One node of a cluster, and alice in its lobby. */
async function settle (t: Test, cluster: Cluster): Promise<{ node: ServerProcess, alice: TestClient }> {
  const node = await cluster.start()
  const alice = await connect(t, { url: node.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  return { node, alice }
}

async function nothingCrosses (t: Test, ours: Cluster, theirs: Cluster): Promise<void> {
  const here = await settle(t, ours)
  const there = await settle(t, theirs)

  for (const target of [{ room: 'lobby' }, { user: 'alice' }, { everyone: true }] as const) await here.node.publish({ ...target, data: 'ours' })
  await here.alice.publish('lobby', 'ours')
  // A barrier of the other cluster travels on other connections, but through the same Redis, which had answered all of the above.
  t.same(await receivedBy(there.node, [there.alice]), [[]], 'the other cluster hears nothing')
  const [received = []] = await receivedBy(here.node, [here.alice])
  t.equal(received.length, 4, 'this one hears all of it')

  t.same((await here.node.presence('alice')).connections.map(({ connectionId }) => connectionId), [here.alice.connectionId])
  t.same((await there.node.presence('alice')).connections.map(({ connectionId }) => connectionId), [there.alice.connectionId])
  await there.alice.close()
  await here.node.publish({ room: 'lobby', data: 'after' })
  t.match(await here.alice.inbox.next('what comes after the other has gone'), { type: 'message', data: 'after' })
  t.equal((await here.node.presence('alice')).online, true)
}

t.test('P27: two prefixes on one Redis hear and see nothing of each other', async t => {
  const ours = await startCluster(t, { nodes: 0, redis, env: { KEY_PREFIX: 'staging' } })
  const theirs = await startCluster(t, { nodes: 0, redis, env: { KEY_PREFIX: 'production' } })
  await nothingCrosses(t, ours, theirs)
})

t.test('P27: a prefix that begins with another is another', async t => {
  const ours = await startCluster(t, { nodes: 0, redis, env: { KEY_PREFIX: 'app' } })
  const theirs = await startCluster(t, { nodes: 0, redis, env: { KEY_PREFIX: 'app:1' } })
  await nothingCrosses(t, ours, theirs)
})

// redis/ioredis#1910: pub/sub knows no databases.
t.test('P27: two databases of one Redis under the same prefix hear and see nothing of each other', async t => {
  const env = { KEY_PREFIX: 'same' }
  const ours = await startCluster(t, { nodes: 0, redis, env })
  const theirs = await startCluster(t, { nodes: 0, redis, env: { ...env, REDIS_URL: `${redis.url}/1` } })
  await nothingCrosses(t, ours, theirs)
})

t.end()
