import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster, type Cluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const HEARTBEAT_MS = 500
const LEASE_MS = 3_000
/** A link is back within a second, and what was missed is compared right after. */
const REPAIR_MS = 5_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}` }

async function enter (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  const client = await connect(t, { url: node.wsUrl, token: memberToken(sub) })
  await client.subscribe('lobby')
  return client
}

/** The ids of the links that the cluster's nodes have to Redis now. */
async function links ({ redis }: Cluster): Promise<string[]> {
  const lines = String(await redis.command('CLIENT', 'LIST')).split('\n').filter(line => line.includes('name=roomcast-'))
  return lines.map(line => /^id=(\d+)/.exec(line)?.[1] ?? '')
}

t.test('who watches on a node whose links to Redis are cut is told what happened meanwhile, twenty times', async t => {
  const cluster = await startCluster(t, { nodes: 1, env })
  const [node1] = cluster.nodes
  const others = new Set(await links(cluster))
  const node2 = await cluster.start()
  if (node1 === undefined) return
  const bob = await connect(t, { url: node1.wsUrl, token: memberToken('bob') })
  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'lobby')
  const nodeId = await nodeIdOf(node1, list.client)

  for (let round = 1; round <= 20; round++) {
    const cut = (await links(cluster)).filter(id => !others.has(id))
    t.equal(cut.length, 2, `round ${round}`)
    // The node sees nothing of the cut before bob has come or gone.
    cluster.pause(node2)
    for (const id of cut) await cluster.redis.command('CLIENT', 'KILL', 'ID', id)
    await (round % 2 === 1 ? bob.subscribe('lobby') : bob.unsubscribe('lobby'))
    await until('bob', round % 2 === 1, async () => (await node1.members('lobby')).members.some(({ userId }) => userId === 'bob'))
    cluster.resume(node2)
    await equalsServer(list, node1, REPAIR_MS)
    await until('both links', 2, async () => (await links(cluster)).filter(id => !others.has(id)).length)
  }
  t.same(list.faults, [])
  t.equal(await nodeIdOf(node1, list.client), nodeId, 'with the lease that it had')
})

t.test('a node that cannot reach Redis for longer than its lease is swept, and its users are back when it can', async t => {
  const cluster = await startCluster(t, { nodes: 1, env })
  const [node1] = cluster.nodes
  await cluster.redis.command('ACL', 'SETUSER', 'apart', 'on', '>secret', '~*', '&*', '+@all')
  const node2 = await cluster.start({ REDIS_URL: cluster.redis.url.replace('//', '//apart:secret@') })
  if (node1 === undefined) return
  const list = await watch(await connect(t, { url: node1.wsUrl, token: memberToken('watcher') }), 'lobby')
  const alice = await enter(t, node2, 'alice')
  const away = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('away') }), 'lobby')
  const oldId = await nodeIdOf(node1, alice)

  await cluster.redis.command('ACL', 'SETUSER', 'apart', 'off')
  await cluster.redis.command('CLIENT', 'KILL', 'USER', 'apart')
  await until('offline', false, async () => (await node1.presence('alice')).online, LEASE_MS + 3_000)
  await cluster.isSwept(oldId, LEASE_MS + 3_000)
  await enter(t, node1, 'bob')
  await cluster.redis.command('ACL', 'SETUSER', 'apart', 'on')
  await until('back', [alice.connectionId], async () => (await node1.presence('alice')).connections.map(({ connectionId }) => connectionId), REPAIR_MS)
  for (const one of [list, away]) await equalsServer(one, node1, REPAIR_MS)
  await settle(node1, [list])
  t.same(list.events.filter(event => event.endsWith('alice')), ['join alice', 'leave alice', 'join alice'])
  t.same([list.faults, away.faults], [[], []])
  t.same(away.userIds, ['alice', 'away', 'bob', 'watcher'])
  t.not(await nodeIdOf(node1, alice), oldId)
  t.same(await cluster.keysIn(oldId), [])
})
