import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const LEASE_MS = 1_500
/** The lease, and what a busy machine needs to ask and answer. */
const NOTICED_MS = LEASE_MS + 1_500

// Redis' clock cannot be moved, so the lease is short.
const env = { LEASE_MS: `${LEASE_MS}`, HEARTBEAT_MS: '300' }

function join (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub) })
}

t.test('users of a killed node are offline once its lease has ended, and nobody else notices', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const lost = await Promise.all(Array.from({ length: 20 }, (_, index) => join(t, node1, `user-${index}`)))
  const staying = await join(t, node2, 'user-0')
  await staying.subscribe('lobby')
  t.match(await cluster.kill(node1), { signal: 'SIGKILL' })
  t.same((await Promise.all(lost.map(client => client.closed))).filter(({ code }) => code !== 1006), [])

  const online = () => Promise.all(lost.map(async (_, index) => (await node2.presence(`user-${index}`)).connections.length))
  await until('connections of each user', lost.map((_, index) => index === 0 ? 1 : 0), online, NOTICED_MS)
  await node2.publish({ room: 'lobby', data: 'hello' })
  t.match(await receivedBy(node2, [staying]), [[{ type: 'message', room: 'lobby', data: 'hello' }]])
})

t.test('a node that stood still beyond its lease is offline meanwhile, and whole again when it moves', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const alice = await join(t, node1, 'alice')
  await alice.subscribe('lobby')
  const seen = async () => (await node2.presence('alice')).connections.map(({ connectionId }) => connectionId)
  t.same(await seen(), [alice.connectionId])

  cluster.pause(node1)
  await until('connections of alice while her node stands still', [], seen, NOTICED_MS)
  await node2.publish({ room: 'lobby', data: 'meanwhile' })
  cluster.resume(node1)
  await until('connections of alice after it', [alice.connectionId], seen, NOTICED_MS)
  await node2.publish({ room: 'lobby', data: 'after' })
  const [received = []] = await receivedBy(node2, [alice])
  t.same(received.map(frame => frame.type === 'message' && frame.data), ['meanwhile', 'after'])
  await alice.close()
  await until('connections of alice after her close', [], seen)
})
