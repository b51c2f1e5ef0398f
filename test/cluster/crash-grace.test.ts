import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const HEARTBEAT_MS = 300
const LEASE_MS = 2_000
const GRACE_MS = 4_000
/** Who waits is claimed a second after the end, with somebody's next heartbeat. */
const CLAIM_MS = 1_000 + HEARTBEAT_MS
/** For a busy machine. */
const MARGIN_MS = 3_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}`, SHUTDOWN_GRACE_MS: `${GRACE_MS}` }

async function enter (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  const client = await connect(t, { url: node.wsUrl, token: memberToken(sub) })
  await client.subscribe('lobby')
  return client
}

async function isOnline (node: ServerProcess, userId: string): Promise<boolean> {
  return (await node.presence(userId)).online
}

t.test('P33: users of a node that ends with a grace stay online; who is back within it never left, who is not leaves once when it runs out', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'lobby')
  const users = ['back', 'away']
  const clients = await Promise.all(users.map(user => enter(t, node1, user)))
  const [first] = clients
  const oldId = first === undefined ? '' : await nodeIdOf(node2, first)
  await settle(node2, [list])
  t.same(list.events.splice(0).sort(), ['join away', 'join back'])

  const { code } = await cluster.terminate(node1)
  const since = performance.now()
  t.equal(code, 0)
  t.same(await Promise.all(clients.map(async client => (await client.closed).code)), [1001, 1001])
  t.same(await Promise.all(users.map(user => isOnline(node2, user))), [true, true], 'online right after the exit')
  t.same(await node2.occupancy('lobby'), { connections: 3, members: 3 })
  const returned = await enter(t, node2, 'back')

  let wasOffline = false
  await until('the end of the grace', false, async () => {
    wasOffline ||= !await isOnline(node2, 'back')
    return isOnline(node2, 'away')
  }, GRACE_MS + MARGIN_MS)
  const ms = performance.now() - since
  t.comment(`offline ${Math.round(ms)} ms after the exit, with a grace of ${GRACE_MS}`)
  // The grace began when the lease was given back, which is a little before the process was gone.
  t.ok(ms > GRACE_MS - 1_000, `it was still online until ${Math.round(ms)} ms after the exit`)
  t.same((await node2.presence('back')).connections.map(({ connectionId }) => connectionId), [returned.connectionId])
  await cluster.isSwept(oldId, CLAIM_MS + MARGIN_MS)
  await settle(node2, [list])
  t.same(list.events, ['leave away'], 'one leave of the one who stayed away, nothing of the other')
  t.same([list.faults, list.repairs, wasOffline], [[], 0, false])
  t.same(list.userIds, ['back', 'watcher'])
  await equalsServer(list, node2)
})

t.test('P33: who is back in the grace and leaves before its end goes with it, once', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'lobby')
  const alice = await enter(t, node1, 'alice')
  const oldId = await nodeIdOf(node2, alice)
  await cluster.terminate(node1)
  const returned = await enter(t, node2, 'alice')
  await returned.close()
  await until('the end of the grace', false, () => isOnline(node2, 'alice'), GRACE_MS + MARGIN_MS)
  await cluster.isSwept(oldId, CLAIM_MS + MARGIN_MS)
  await settle(node2, [list])
  t.same(list.events, ['join alice', 'leave alice'])
  await equalsServer(list, node2)
})

// first-tree-ai/first-tree#814: to survive blips close no longer marked offline, and nobody else did.
t.test('P33: users of a node that is killed while it ends with a grace are offline when its lease ends', async t => {
  const cluster = await startCluster(t, { nodes: 2, env: { ...env, SHUTDOWN_GRACE_MS: '60000' } })
  const [node1, node2] = cluster.pair()
  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'lobby')
  const alice = await enter(t, node1, 'alice')
  const bob = await enter(t, node1, 'bob')
  const oldId = await nodeIdOf(node2, alice)
  // Redis holds a frame up, and with it the shutdown.
  await cluster.redis.command('CLIENT', 'PAUSE', '1500', 'ALL')
  bob.publish('lobby', 'under way').catch(() => {})
  for (const path of ['/live', '/live']) t.equal((await node1.get(path)).status, 200)
  node1.signal('SIGTERM')
  await until('word of the shutdown', true, () => node1.logs.some(line => line.includes('"msg":"shutting down"')))
  const since = performance.now()
  await cluster.kill(node1)
  await until('offline', [false, false], () => Promise.all(['alice', 'bob'].map(user => isOnline(node2, user))), 1_500 + LEASE_MS + MARGIN_MS)
  t.comment(`offline ${Math.round(performance.now() - since)} ms after the kill`)
  await cluster.isSwept(oldId, CLAIM_MS + MARGIN_MS)
  await settle(node2, [list])
  t.same(list.events.sort(), ['join alice', 'join bob', 'leave alice', 'leave bob'])
  await equalsServer(list, node2)
})

t.test('in the grace of one node others may die and be swept, and the grace runs out though every node is new', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const alice = await enter(t, node1, 'alice')
  const bob = await enter(t, node2, 'bob')
  const ids = [await nodeIdOf(node2, alice), await nodeIdOf(node2, bob)]
  await cluster.terminate(node1)
  await cluster.kill(node2)
  const node3 = await cluster.start()
  const list = await watch(await connect(t, { url: node3.wsUrl, token: memberToken('watcher') }), 'lobby')
  for (const id of ids) await cluster.isSwept(id, GRACE_MS + CLAIM_MS + LEASE_MS + MARGIN_MS)
  await settle(node3, [list])
  t.same([await isOnline(node3, 'alice'), await isOnline(node3, 'bob')], [false, false])
  t.same(list.userIds, ['watcher'])
  t.same(list.faults, [])
  await equalsServer(list, node3)
})
