import t, { type Test } from 'tap'
import type { PresenceEntry } from '../../src/core/presence-entry.ts'
import { RedisPresence } from '../../src/redis/redis-presence.ts'
import { SingleShard } from '../../src/redis/single-shard.ts'
import { reportOf } from '../conformance/presence-store.ts'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster, type Cluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch, type MemberList } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const HEARTBEAT_MS = 300
const LEASE_MS = 2_000
const SWEEP_MS = LEASE_MS + 1_000 + HEARTBEAT_MS
/** For a busy machine. */
const MARGIN_MS = 5_000
/** Six steps of the sweep. */
const CROWD = 3_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}` }

/** A node that registers a crowd as members of a room and is not heard of again. */
async function ghost (t: Test, { redis, keys }: Cluster, room: string): Promise<{ nodeId: string, users: string[] }> {
  const log = { trace () {}, debug () {}, info () {}, warn () {}, error () {}, fatal () {} }
  const shards = await SingleShard.connect({ target: { url: redis.url }, log })
  t.after(() => shards.close())
  const store = new RedisPresence({ shards, keys, leaseMs: LEASE_MS, timeoutMs: 2_000 })
  const node = { nodeId: 'the-ghost', nodeName: 'ghost' }
  await store.takeLease(node, reportOf())
  const entries = Array.from({ length: CROWD }, (_, index): PresenceEntry => (
    { kind: 'member', connectionId: `connection-${index}`, userId: `ghost-${index}`, room, info: null }
  ))
  for (let start = 0; start < CROWD; start += 500) {
    await store.renewLease(node, reportOf())
    await Promise.all(entries.slice(start, start + 500).map(entry => store.register(node, entry)))
  }
  return { nodeId: node.nodeId, users: entries.flatMap(entry => entry.kind === 'member' ? entry.userId : []) }
}

interface Scene {
  readonly cluster: Cluster
  /** A watcher on each of three nodes. */
  readonly watchers: ReadonlyArray<{ readonly node: ServerProcess, readonly nodeId: string, readonly list: MemberList }>
  readonly users: readonly string[]
  readonly ghostId: string
}

async function setScene (t: Test, more: Record<string, string> = {}): Promise<Scene> {
  const cluster = await startCluster(t, { nodes: 3, env: { ...env, ...more } })
  const { nodeId: ghostId, users } = await ghost(t, cluster, 'crowd')
  const watchers: Array<Scene['watchers'][number]> = []
  for (const node of cluster.nodes) {
    const client = await connect(t, { url: node.wsUrl, token: memberToken(`watcher-${node.name}`) })
    watchers.push({ node, nodeId: await nodeIdOf(node, client), list: await watch(client, 'crowd') })
  }
  return { cluster, watchers, users, ghostId }
}

async function entriesLeft ({ cluster, ghostId }: Scene): Promise<number> {
  return await cluster.redis.command('HLEN', cluster.keys.nodeIndex(ghostId)) as number
}

/** Waits until the sweep of the ghost has begun, does something to its sweeper, and tells who survives. */
async function amidSweep (t: Test, scene: Scene, act: (sweeper: ServerProcess) => unknown) {
  await until('the sweep', true, async () => await entriesLeft(scene) < CROWD, SWEEP_MS + MARGIN_MS)
  const sweeperId = (await scene.cluster.claims())[scene.ghostId]
  const sweeper = scene.watchers.find(({ nodeId }) => nodeId === sweeperId)
  if (sweeper === undefined) throw new Error(`${String(sweeperId)} sweeps, and is none of ours`)
  await act(sweeper.node)
  const left = await entriesLeft(scene)
  t.ok(left > 0, `${CROWD - left} of ${CROWD} entries were swept when it happened`)
  return { sweeper, survivors: scene.watchers.filter(one => one !== sweeper) }
}

/** Each of the crowd left exactly once, and nothing else was told of them. */
function leftOnce (t: Test, list: MemberList, users: readonly string[]): void {
  const { userId } = list.client.welcome
  t.same(list.events.filter(event => event.includes('ghost-')).sort(), users.map(user => `leave ${user}`).sort(), `${userId} was told each leave once`)
  t.same([list.faults, list.repairs], [[], 0], `${userId} was told every version in order`)
}

t.test('when the sweeper is killed in the middle of its sweep another node finishes, and each leave is still told exactly once', async t => {
  const scene = await setScene(t)
  const { cluster, users, ghostId } = scene
  const { sweeper, survivors } = await amidSweep(t, scene, node => cluster.kill(node))
  const since = performance.now()
  await cluster.isSwept(ghostId, SWEEP_MS + MARGIN_MS)
  t.comment(`finished ${Math.round(performance.now() - since)} ms after the sweeper was killed`)
  await cluster.isSwept(sweeper.nodeId, SWEEP_MS + MARGIN_MS)
  const [survivor] = survivors
  if (survivor === undefined) return
  await settle(survivor.node, survivors.map(({ list }) => list))
  for (const { list, node } of survivors) {
    leftOnce(t, list, users)
    t.same(list.userIds, survivors.map(one => one.list.client.welcome.userId).sort())
    await equalsServer(list, node)
  }
})

t.test('when the sweeper is stopped in the middle and goes on after another has finished, each leave is told exactly once', async t => {
  const scene = await setScene(t)
  const { cluster, users, ghostId, watchers } = scene
  const { sweeper, survivors } = await amidSweep(t, scene, node => cluster.pause(node))
  await cluster.isSwept(ghostId, SWEEP_MS + MARGIN_MS)
  await cluster.isSwept(sweeper.nodeId, SWEEP_MS + MARGIN_MS)
  cluster.resume(sweeper.node)
  const { userId } = sweeper.list.client.welcome
  await until('the sweeper\'s own user is back', true, async () => (await sweeper.node.presence(userId)).online)
  const [survivor] = survivors
  if (survivor === undefined) return
  await settle(survivor.node, watchers.map(({ list }) => list))
  for (const { list } of survivors) leftOnce(t, list, users)
  for (const { list, node } of watchers) await equalsServer(list, node)
  t.same([await cluster.keysIn(ghostId), await cluster.keysIn(sweeper.nodeId)], [[], []], 'it brought nothing back')
})

t.test('a sweeper that is told to end in the middle, with a grace for its own users, leaves the rest to others at once', async t => {
  const scene = await setScene(t, { SHUTDOWN_GRACE_MS: '60000' })
  const { cluster, users, ghostId } = scene
  const { sweeper, survivors } = await amidSweep(t, scene, node => cluster.terminate(node))
  const since = performance.now()
  await cluster.isSwept(ghostId, SWEEP_MS + MARGIN_MS)
  t.comment(`finished ${Math.round(performance.now() - since)} ms after the sweeper's exit`)
  const [survivor] = survivors
  if (survivor === undefined) return
  await settle(survivor.node, survivors.map(({ list }) => list))
  for (const { list } of survivors) {
    leftOnce(t, list, users)
    t.ok(list.userIds.includes(sweeper.list.client.welcome.userId), 'its own user is in the grace')
  }
})

/** Sends what makes a node read on, and waits until it has. */
async function turn (node: ServerProcess): Promise<void> {
  for (const path of ['/live', '/live']) await node.get(path)
}

t.test('a node that wakes up while it is swept ends with a record of every live connection and of no dead one', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const rooms = ['north', 'south', 'west']
  const lists: MemberList[] = []
  for (const room of rooms) lists.push(await watch(await connect(t, { url: node2.wsUrl, token: memberToken(`watcher-${room}`) }), room))
  const clients = await Promise.all(Array.from({ length: 150 }, async (_, index) => {
    const client = await connect(t, { url: node1.wsUrl, token: memberToken(`user-${index}`) })
    for (const room of rooms) await client.subscribe(room)
    return client
  }))
  const live = clients.filter((_, index) => index % 2 === 0)
  const dead = clients.filter((_, index) => index % 2 === 1)
  const [first] = live
  const oldId = first === undefined ? '' : await nodeIdOf(node2, first)

  cluster.pause(node1)
  await Promise.all(dead.map(client => client.reset()))
  await until('the claim', [oldId], async () => Object.keys(await cluster.claims()), SWEEP_MS + MARGIN_MS)
  cluster.redis.pause()
  cluster.resume(node1)
  await turn(node1)
  cluster.redis.resume()

  await cluster.isSwept(oldId, MARGIN_MS)
  const ids = (of: readonly TestClient[]) => of.map(({ connectionId }) => [connectionId])
  const told = (of: readonly TestClient[]) => Promise.all(of.map(async ({ welcome: { userId } }) =>
    (await node2.presence(userId)).connections.map(({ connectionId }) => connectionId)))
  await until('every live connection', ids(live), () => told(live), MARGIN_MS)
  await until('no dead one', dead.map(() => []), () => told(dead), MARGIN_MS)
  const wanted = live.map(({ welcome: { userId } }) => userId)
  for (const list of lists) {
    await until(`occupancy of ${list.room}`, { connections: 76, members: 76 }, () => node2.occupancy(list.room), MARGIN_MS)
    await equalsServer(list, node1)
    t.same(list.userIds, [...wanted, `watcher-${list.room}`].sort())
    t.same(list.faults, [])
  }
  const newId = first === undefined ? '' : await nodeIdOf(node2, first)
  t.not(newId, oldId)
  // A connection, and in three rooms a member each, and the three rooms.
  t.equal(await cluster.redis.command('HLEN', cluster.keys.nodeIndex(newId)), live.length * 4 + 3)
  t.same(await cluster.keysIn(oldId), [])
})
