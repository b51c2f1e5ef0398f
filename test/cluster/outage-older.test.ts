import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster, type Cluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch, type MemberList } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const HEARTBEAT_MS = 500
const LEASE_MS = 3_000
const SWEEP_MS = LEASE_MS + 1_000 + HEARTBEAT_MS
/** For the way back to Redis, and a busy machine. */
const MARGIN_MS = 5_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}` }

async function enter (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  const client = await connect(t, { url: node.wsUrl, token: memberToken(sub) })
  await client.subscribe('lobby')
  return client
}

async function connectionsOf (node: ServerProcess, userId: string): Promise<string[]> {
  const { status, body } = await node.get(`/presence/${userId}`)
  return status === 200 ? (body['connections'] as Array<{ connectionId: string }>).map(({ connectionId }) => connectionId) : [`status ${status}`]
}

/** Waits until every node has renewed its lease once more. */
async function aHeartbeat ({ redis, keys }: Cluster): Promise<void> {
  const nodeIds = await redis.command('ZRANGE', keys.leases(), '0', '-1') as string[]
  const ends = () => Promise.all(nodeIds.map(async nodeId => Number(await redis.command('ZSCORE', keys.leases(), nodeId))))
  const before = await ends()
  await until('a heartbeat of each node', true, async () => (await ends()).every((end, index) => end > Number(before[index])))
}

interface Scene {
  readonly title: string
  /** Who joins and leaves after the state to which Redis falls back. */
  readonly joins: number
  readonly leaves: number
  /** Who joins after that state, and is gone before Redis is back. */
  readonly passing: number
  /** A replica lags by less than a heartbeat as a rule. */
  readonly lag: 'an instant' | 'a heartbeat'
}

// Versions that were told once are used again for something else, below, at and above where the watchers had got.
const scenes: Scene[] = [
  { title: 'as it was', joins: 0, leaves: 0, passing: 0, lag: 'an instant' },
  { title: 'older by a heartbeat, in which five joined', joins: 5, leaves: 0, passing: 0, lag: 'a heartbeat' },
  { title: 'older by a heartbeat, in which five left', joins: 0, leaves: 5, passing: 0, lag: 'a heartbeat' },
  { title: 'older by a heartbeat, in which three joined and three left', joins: 3, leaves: 3, passing: 0, lag: 'a heartbeat' },
  { title: 'older by a heartbeat, in which five joined who are gone since', joins: 0, leaves: 0, passing: 5, lag: 'a heartbeat' },
  { title: 'older by an instant, in which five joined', joins: 5, leaves: 0, passing: 0, lag: 'an instant' },
  { title: 'older by an instant, in which five left', joins: 0, leaves: 5, passing: 0, lag: 'an instant' }
]

for (const { title, joins, leaves, passing, lag } of scenes) {
  t.test(`when Redis comes back ${title}, presence and every list are whole and nobody who left comes back`, async t => {
    const cluster = await startCluster(t, { nodes: 2, env })
    const [node1, node2] = cluster.pair()
    const clients: TestClient[] = []
    for (let index = 0; index < 10; index++) clients.push(await enter(t, index % 2 === 0 ? node1 : node2, `user-${index}`))
    const lists: MemberList[] = []
    for (const node of cluster.nodes) lists.push(await watch(await connect(t, { url: node.wsUrl, token: memberToken(`watcher-${node.name}`) }), 'lobby'))
    const [first] = clients
    const oldId = first === undefined ? '' : await nodeIdOf(node2, first)

    await cluster.redis.command('SAVE')
    for (let index = 0; index < joins; index++) clients.push(await enter(t, node1, `late-${index}`))
    const passers: TestClient[] = []
    for (let index = 0; index < passing; index++) passers.push(await enter(t, node1, `passer-${index}`))
    const gone = clients.splice(0, leaves)
    await Promise.all(gone.map(client => client.close()))
    for (const client of gone) await until('offline', [], () => connectionsOf(node2, client.welcome.userId))
    for (const list of lists) await equalsServer(list, node1)
    if (lag === 'a heartbeat') await aHeartbeat(cluster)
    await cluster.redis.kill()
    await Promise.all(passers.map(client => client.reset()))
    await cluster.redis.start()

    const since = performance.now()
    for (const { connectionId, welcome: { userId } } of clients) {
      for (const node of cluster.nodes) await until(`${userId} on ${node.name}`, [connectionId], () => connectionsOf(node, userId), MARGIN_MS)
    }
    t.comment(`presence was whole after ${Math.round(performance.now() - since)} ms`)
    for (const { welcome: { userId } } of [...gone, ...passers]) await until(userId, [], () => connectionsOf(node2, userId), MARGIN_MS)
    if (lag === 'a heartbeat') await until('the old lease is swept', [], () => cluster.keysIn(oldId), SWEEP_MS + MARGIN_MS)
    const wanted = [...clients, ...lists.map(({ client }) => client)].map(({ welcome: { userId } }) => userId).sort()
    await until('members', wanted, async () => (await node1.members('lobby')).members.map(({ userId }) => userId).sort(), MARGIN_MS)
    await until('occupancy', { connections: wanted.length, members: wanted.length }, () => node1.occupancy('lobby'), MARGIN_MS)
    for (const list of lists) await equalsServer(list, node1, MARGIN_MS)

    // What follows is told on top of that.
    await enter(t, node2, 'newcomer')
    await settle(node1, lists)
    for (const list of lists) {
      // A node that still repairs what the fall-back cost it tells what follows after that.
      await equalsServer(list, node2, MARGIN_MS)
      t.same(list.userIds, [...wanted, 'newcomer'].sort(), `${list.client.welcome.userId} sees the newcomer`)
      t.same(list.faults, [])
    }
  })
}
