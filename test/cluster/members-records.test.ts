import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster, type Cluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const HEARTBEAT_MS = 300
const LEASE_MS = 2_000
/** For a busy machine. */
const MARGIN_MS = 3_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}` }

async function enter (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  const client = await connect(t, { url: node.wsUrl, token: memberToken(sub) })
  await client.subscribe('lobby')
  return client
}

/** Waits until the node of a connection has renewed its lease a few times. */
async function heartbeats ({ redis, keys }: Cluster, nodeId: string, count: number): Promise<void> {
  for (let beat = 0; beat < count; beat++) {
    const end = async () => Number(await redis.command('ZSCORE', keys.leases(), nodeId))
    const before = await end()
    await until(`heartbeat ${beat + 1}`, true, async () => await end() > before, LEASE_MS)
  }
}

// discourse/discourse#6777: blocking commands over the whole database, or refused by managed Redis.
t.test('P37: a Redis user without KEYS and SCAN, who may touch keys and channels of the prefix only, is enough for every question', async t => {
  const KEY_PREFIX = 'narrow'
  const cluster = await startCluster(t, { nodes: 0, env: { KEY_PREFIX } })
  await cluster.redis.command('ACL', 'SETUSER', 'narrow', 'on', '>secret', `~${KEY_PREFIX}:*`, `&${KEY_PREFIX}@*`, '+@all', '-keys', '-scan')
  for (let chunk = 0; chunk < 20; chunk++) {
    await cluster.redis.command('EVAL', `for i = 1, 50000 do redis.call("SET", "unrelated:${chunk}:" .. i, i) end`, '0')
  }
  const REDIS_URL = cluster.redis.url.replace('//', '//narrow:secret@')
  const node1 = await cluster.start({ ...env, REDIS_URL })
  const node2 = await cluster.start({ ...env, REDIS_URL })
  await cluster.redis.command('CONFIG', 'RESETSTAT')

  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'lobby')
  const alice = await enter(t, node1, 'alice')
  t.equal((await node2.presence('alice')).online, true)
  const query = await node2.post('/presence/query', JSON.stringify({ userIds: ['alice', 'nobody'], connections: true }))
  t.match(query.body, { users: [{ userId: 'alice', online: true, connections: [{ connectionId: alice.connectionId }] }, { online: false }] })
  t.same(await node2.occupancy('lobby'), { connections: 2, members: 2 })
  t.same((await node1.members('lobby')).members.map(({ userId }) => userId), ['alice', 'watcher'])
  t.same(await node1.rooms(), ['lobby'])
  t.same((await alice.presence('lobby')).members.length, 2)
  const deadId = await nodeIdOf(node2, alice)
  await cluster.kill(node1)
  // The helper's own question would use KEYS.
  await until('the claim is over', ['watcher'], async () => (await node2.members('lobby')).members.map(({ userId }) => userId), LEASE_MS + 1_000 + MARGIN_MS)
  await equalsServer(list, node2)
  t.same(list.events, ['join alice', 'leave alice'])

  const stats = String(await cluster.redis.command('INFO', 'commandstats'))
  t.match(stats, /cmdstat_evalsha/, 'statistics are kept')
  t.notMatch(stats, /cmdstat_(keys|scan|sscan|hscan|zscan|randomkey|flush\w+):/, 'nobody looked through keys')
  await until('its keys', [], () => cluster.keysIn(deadId))
})

t.test('P35: every key has an expiry, and those of killed nodes are cleared by one that starts later', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const clients: TestClient[] = []
  for (let index = 0; index < 20; index++) clients.push(await enter(t, cluster.nodes[index % 2] ?? cluster.pair()[0], `user-${index}`))
  await clients[0]?.close()
  const ids = await Promise.all(clients.slice(1, 3).map(client => nodeIdOf(cluster.pair()[0], client)))
  const keys = await cluster.keysIn()
  const lasting: string[] = []
  for (const key of keys) if (Number(await cluster.redis.command('PTTL', key)) < 0) lasting.push(key)
  t.same(lasting, [])
  t.ok(keys.length > 40, `${keys.length} keys`)

  await Promise.all(cluster.nodes.map(node => cluster.kill(node)))
  const node3 = await cluster.start()
  await until('everybody offline', [], async () => (await Promise.all(clients.map(({ welcome: { userId } }) => node3.presence(userId))))
    .filter(({ online }) => online), LEASE_MS + MARGIN_MS)
  for (const id of ids) await cluster.isSwept(id, 2 * LEASE_MS + 1_000 + MARGIN_MS)
  for (const kind of [':connections', ':members', ':order', ':names', ':index']) t.same(await cluster.keysIn(kind), [])
})

// overleaf/real-time#76: the refresh wrote unconditionally, and re-created a deleted record with half its fields missing.
t.test('P29: records that somebody deletes come back whole or not at all, and what ended meanwhile never does', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const alice = await enter(t, node1, 'alice')
  const bob = await enter(t, node1, 'bob')
  const whole = (await node2.presence('alice')).connections
  const nodeId = await nodeIdOf(node2, alice)
  const { keys, redis } = cluster
  await redis.command('DEL', keys.userConnections('alice'), keys.roomConnections('lobby'), keys.roomMembers('lobby'), keys.roomOrder('lobby'), keys.roomVersion('lobby'))
  await heartbeats(cluster, nodeId, 3)
  // Docs: a record is written again within six hours, or with the next lost lease; until then the user is offline.
  const { online, connections } = await node2.presence('alice')
  t.same(connections, online ? whole : [])
  t.equal((await node2.presence('bob')).online, true)

  await alice.close()
  await bob.unsubscribe('lobby')
  await heartbeats(cluster, nodeId, 3)
  t.match(await node2.presence('alice'), { online: false, connections: [] })
  t.same((await node2.members('lobby')).members, [])
  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'lobby')
  await bob.subscribe('lobby')
  await bob.close()
  await until('the leave', ['join bob', 'leave bob'], () => list.follow().events)
  await equalsServer(list, node1)
  for (const kind of ['{u:alice}:connections', '{u:bob}:connections']) t.same(await cluster.keysIn(kind), [])
})

t.test('P29: when somebody deletes every key the live connections are back within two heartbeats as complete records, and the closed ones are not', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const alice = await enter(t, node1, 'alice')
  const gone = await enter(t, node1, 'gone')
  const record = async () => (await node2.presence('alice')).connections.map(({ nodeId, ...rest }) => rest)
  const whole = await record()
  t.match(whole, [{ connectionId: alice.connectionId, nodeName: 'node-1', transport: 'websocket', connectedAt: Number }])
  await cluster.redis.command('DEL', ...await cluster.keysIn())
  await gone.close()
  await until('the whole record', whole, record, 2 * HEARTBEAT_MS + MARGIN_MS)
  await heartbeats(cluster, await nodeIdOf(node2, alice), 2)
  t.same(await record(), whole)
  t.match(await node2.presence('gone'), { online: false, connections: [] })
  t.same((await node2.members('lobby')).members.map(({ userId }) => userId), ['alice'])
})

t.test('P29: what ends while a heartbeat is under way never comes back', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'lobby')
  const nodeId = await nodeIdOf(node2, await connect(t, { url: node1.wsUrl, token: memberToken('bystander') }))
  const users = Array.from({ length: 10 }, (_, index) => `user-${index}`)
  for (const way of ['close', 'reset'] as const) {
    const clients = await Promise.all(users.map(user => enter(t, node1, user)))
    await cluster.redis.command('CLIENT', 'PAUSE', `${2 * HEARTBEAT_MS}`, 'ALL')
    await Promise.all(clients.map(client => client[way]()))
    const online = async () => (await Promise.all(users.map(user => node2.presence(user)))).filter(one => one.online).map(({ userId }) => userId)
    await until('everybody offline', [], online)
    await heartbeats(cluster, nodeId, 3)
    t.same(await online(), [], `they stay offline after a ${way}`)
    t.same(await node2.occupancy('lobby'), { connections: 1, members: 1 })
  }
  await settle(node2, [list])
  t.same(list.events.filter(event => event.startsWith('leave')).length, 2 * users.length)
  t.same([list.faults, list.userIds], [[], ['watcher']])
})

// reddit-archive/reddit-plugin-robin#47: offline between two refreshes.
t.test('P32: who only sits there is online at every question for four leases, though Redis misses a heartbeat', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const alice = await enter(t, node1, 'alice')
  const nodeId = await nodeIdOf(node2, alice)
  await cluster.redis.command('CLIENT', 'PAUSE', `${HEARTBEAT_MS}`, 'ALL')
  const end = performance.now() + 4 * LEASE_MS
  const wrong: unknown[] = []
  let count = 0
  for (; performance.now() < end; count++) {
    const { online, connections } = await node2.presence('alice')
    if (!online || connections.length !== 1) wrong.push(connections)
  }
  t.same(wrong, [], `${count} answers`)
  t.equal(await nodeIdOf(node2, alice), nodeId)
})
