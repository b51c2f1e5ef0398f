import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch, type MemberList } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const HEARTBEAT_MS = 500
const LEASE_MS = 3_000
/** A link to Redis comes back within a second, and a try that Redis does not answer takes two. */
const RECONNECT_MS = 3_000
/** For a busy machine. */
const MARGIN_MS = 3_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}` }

async function enter (t: Pick<Test, 'after'>, node: ServerProcess, sub: string, rooms: readonly string[] = ['lobby']): Promise<TestClient> {
  const client = await connect(t, { url: node.wsUrl, token: memberToken(sub) })
  for (const room of rooms) await client.subscribe(room)
  return client
}

function ask (node: ServerProcess, userIds: readonly string[]): Promise<string[][]> {
  return Promise.all(userIds.map(async userId => {
    const { status, body } = await node.get(`/presence/${userId}`)
    return status === 200 ? (body['connections'] as Array<{ connectionId: string }>).map(({ connectionId }) => connectionId) : [`status ${status}`]
  }))
}

/** Waits until every node names exactly the connections of these clients, and tells how long it took. */
async function isWhole (t: Test, nodes: readonly ServerProcess[], clients: readonly TestClient[], ms: number): Promise<void> {
  const since = performance.now()
  const userIds = clients.map(({ welcome: { userId } }) => userId)
  for (const node of nodes) await until(`presence on ${node.name}`, clients.map(({ connectionId }) => [connectionId]), () => ask(node, userIds), ms)
  t.comment(`presence was whole after ${Math.round(performance.now() - since)} ms`)
}

t.test('while Redis stands still for longer than a lease nobody is swept: no join, no leave, the same node ids; but a node that died is', async t => {
  const cluster = await startCluster(t, { nodes: 3, env })
  const [node1, node2] = cluster.pair()
  const node3 = cluster.nodes[2] ?? node2
  const clients = [await enter(t, node1, 'alice'), await enter(t, node2, 'bob')]
  const doomed = await enter(t, node3, 'carol')
  const lists = [await watch(await connect(t, { url: node1.wsUrl, token: memberToken('watcher-1') }), 'lobby')]
  lists.push(await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher-2') }), 'lobby'))
  const idsBefore = await Promise.all(clients.map(client => nodeIdOf(node1, client)))
  const deadId = await nodeIdOf(node1, doomed)
  await settle(node1, lists)
  for (const list of lists) list.events.length = 0

  cluster.redis.pause()
  const killing = cluster.kill(node3)
  await delay(LEASE_MS + 2_000)
  cluster.redis.resume()
  await killing
  await isWhole(t, [node1, node2], clients, RECONNECT_MS + MARGIN_MS)
  // Whoever claims the dead one claims every node that it holds for dead.
  await cluster.isSwept(deadId, LEASE_MS + 1_000 + HEARTBEAT_MS + MARGIN_MS)
  t.same(await Promise.all(clients.map(client => nodeIdOf(node2, client))), idsBefore, 'under the same ids')
  await settle(node1, lists)
  for (const list of lists) {
    t.same(list.events, ['leave carol'])
    t.same([list.faults, list.repairs], [[], 0])
    await equalsServer(list, node2)
  }
  t.notMatch([...node1.logs, ...node2.logs].join('\n'), 'the lease was lost')
})

t.test('P42: when Redis is killed and comes back empty presence is whole again within a heartbeat, and every list equals the server\'s, three times', async t => {
  // The lease and heartbeat that are the default.
  const cluster = await startCluster(t, { nodes: 2 })
  const nodes = cluster.pair()
  const rooms = ['lobby', 'attic']
  const clients: TestClient[] = []
  for (let index = 0; index < 40; index++) clients.push(await enter(t, nodes[index % 2] ?? nodes[0], `user-${index}`, rooms))
  const lists: MemberList[] = []
  for (const node of nodes) {
    for (const room of rooms) lists.push(await watch(await connect(t, { url: node.wsUrl, token: memberToken(`watcher-${node.name}-${room}`) }), room))
  }
  for (const round of [1, 2, 3]) {
    await cluster.redis.kill()
    const gone = clients.splice(0, 4)
    await Promise.all(gone.map(client => client.reset()))
    await cluster.redis.restart({ empty: true })
    await isWhole(t, nodes, clients, 3_000 + RECONNECT_MS + MARGIN_MS)
    t.same((await ask(nodes[0], gone.map(({ welcome: { userId } }) => userId))).flat(), [], `round ${round}: who left meanwhile did not come back`)
    const size = clients.length + 2
    for (const room of rooms) await until(`occupancy of ${room}`, { connections: size, members: size }, () => nodes[1].occupancy(room), MARGIN_MS)
    for (const list of lists) {
      await equalsServer(list, nodes[0], MARGIN_MS)
      t.equal(list.userIds.length, size)
      t.same(list.faults, [])
    }
    t.same(await nodes[1].rooms(), [...rooms].sort())
    // What follows on the repair counts from it.
    const late = await enter(t, nodes[0], `late-${round}`)
    await late.close()
    await until('the one who came and went', [`join late-${round}`, `leave late-${round}`], () => lists[0]?.follow().events.slice(-2))
    for (const list of lists) await equalsServer(list, nodes[1], MARGIN_MS)
  }
})

/** Comes and goes and publishes, over and over, whatever it is answered, until it is told to end; resolves with how often it got through. */
async function churn (node: ServerProcess, name: string, isOver: () => boolean): Promise<number> {
  let rounds = 0
  for (let count = 0; !isOver(); count++) {
    // Each connection is let go here and not at the test's end.
    const letGo: Array<() => unknown> = []
    const client = await enter({ after: (fn: () => unknown) => { letGo.push(fn) } } as Pick<Test, 'after'>, node, `${name}-${count % 5}`).catch(() => undefined)
    await client?.subscribe('attic', { presence: true }).catch(() => {})
    await client?.publish('lobby', count).then(() => { rounds++ }, () => {})
    await (count % 2 === 0 ? client?.close() : client?.reset())
    for (const fn of letGo) fn()
  }
  return rounds
}

t.test('after FLUSHALL under load everything is whole again within a heartbeat, and every list equals the server\'s, five times', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const nodes = cluster.pair()
  const clients: TestClient[] = []
  for (let index = 0; index < 20; index++) clients.push(await enter(t, nodes[index % 2] ?? nodes[0], `user-${index}`))
  const lists = [await watch(await connect(t, { url: nodes[0].wsUrl, token: memberToken('watcher-1') }), 'lobby')]
  lists.push(await watch(await connect(t, { url: nodes[1].wsUrl, token: memberToken('watcher-2') }), 'lobby'))

  for (const round of [1, 2, 3, 4, 5]) {
    let isOver = false
    const load = Promise.all([1, 2, 3, 4].map(index => churn(nodes[index % 2] ?? nodes[0], `churn-${index}`, () => isOver)))
    await cluster.redis.command('FLUSHALL')
    await isWhole(t, nodes, clients, HEARTBEAT_MS + MARGIN_MS)
    isOver = true
    t.comment(`round ${round}: ${(await load).reduce((sum, one) => sum + one, 0)} came and went`)
    await until('occupancy', { connections: 22, members: 22 }, () => nodes[1].occupancy('lobby'), MARGIN_MS)
    for (const list of lists) {
      await equalsServer(list, nodes[0], MARGIN_MS)
      t.same(list.userIds, [...clients.map(({ welcome: { userId } }) => userId), 'watcher-1', 'watcher-2'].sort())
      t.same(list.faults, [])
    }
    t.same((await nodes[1].members('attic')).members, [], 'nobody is left where all were passing through')
  }
})

t.test('what a node wrote between a FLUSHALL and its next heartbeat is cleared with the rest', async t => {
  // The default: a heartbeat every 3 s leaves time to write something before it.
  const cluster = await startCluster(t, { nodes: 2 })
  const [node1, node2] = cluster.pair()
  const early = await enter(t, node1, 'early')
  const oldId = await nodeIdOf(node2, early)
  await cluster.redis.command('FLUSHALL')
  const late = await enter(t, node1, 'late', ['fresh'])
  await isWhole(t, [node1, node2], [early, late], 3_000 + MARGIN_MS)
  t.not(await nodeIdOf(node2, late), oldId, 'its node has a new id')
  await Promise.all([early.close(), late.close()])
  for (const user of ['early', 'late']) await until(user, false, async () => (await node2.presence(user)).online)
  for (const kind of [':connections', ':members', ':order']) await until(`keys of ${kind}`, [], () => cluster.keysIn(kind))
  t.same(await node2.rooms(), [])
  t.same(await cluster.keysIn(oldId), [], 'no index of the old id is left')
  t.same(await cluster.redis.command('ZRANGE', cluster.keys.rooms(), '0', '-1'), [], 'no room is listed for the old id')
})
