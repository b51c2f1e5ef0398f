import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { settle, watch } from '../helpers/member-list.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const cluster = await startCluster(t, { nodes: 2 })
const [node1, node2] = cluster.pair()

function join (t: Test, node: ServerProcess, sub: string, claims: Record<string, unknown> = {}): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub, claims) })
}

/** Which connections of a user a node names. */
async function seenBy (node: ServerProcess, userId: string): Promise<string[]> {
  const { online, connections } = await node.presence(userId)
  const ids = connections.map(({ connectionId }) => connectionId).sort()
  if (online !== (ids.length > 0)) throw new Error(`${node.name} says online: ${online} with ${ids.length} connections`)
  return ids
}

/** Waits until both nodes name exactly these connections. */
async function bothSee (userId: string, clients: readonly TestClient[]): Promise<void> {
  const wanted = clients.map(({ connectionId }) => connectionId).sort()
  for (const node of [node1, node2]) await until(`${userId} on ${node.name}`, wanted, () => seenBy(node, userId))
}

/** Both nodes name exactly these connections at the first question. */
async function bothSeeNow (t: Test, userId: string, clients: readonly TestClient[]): Promise<void> {
  const wanted = clients.map(({ connectionId }) => connectionId).sort()
  for (const node of [node1, node2]) t.same(await seenBy(node, userId), wanted, `${node.name} names ${wanted.length} connections of ${userId}`)
}

t.test('a user who was never there is offline on both nodes', async t => {
  await bothSeeNow(t, 'nobody', [])
  t.strictSame(await node1.presence('nobody'), { userId: 'nobody', online: false, connections: [], lastSeenAt: null })
})

t.test('P34: a record tells which connection, on which node, since when, by what, and what the token shows', async t => {
  const before = Date.now()
  const plain = await join(t, node1, 'olivia')
  const shown = await join(t, node2, 'olivia', { info: { name: 'Olivia', tags: [1, null] } })
  const answers = [await node1.presence('olivia'), await node2.presence('olivia')]
  t.same(answers[0], answers[1], 'both nodes answer the same')
  const [first, second] = answers[0]?.connections ?? []
  t.same(Object.keys(first ?? {}).sort(), ['connectedAt', 'connectionId', 'info', 'nodeId', 'nodeName', 'transport'])
  t.match(first, { connectionId: plain.connectionId, nodeName: 'node-1', transport: 'websocket', info: null, nodeId: /./ })
  t.match(second, { connectionId: shown.connectionId, nodeName: 'node-2', transport: 'websocket', info: { name: 'Olivia', tags: [1, null] } })
  t.not(first?.nodeId, second?.nodeId)
  for (const { connectedAt = 0 } of [first ?? {}, second ?? {}]) t.ok(connectedAt >= before && connectedAt <= Date.now())
  await Promise.all([plain.close(), shown.close()])
})

const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
const ways = { 'close frame': (client: TestClient) => client.close(), 'TCP reset': (client: TestClient) => client.reset() }

for (const [way, end] of Object.entries(ways)) {
  t.test(`three connections on two nodes, ended by ${way} in any order, leave exactly the others online`, async t => {
    for (const order of orders) {
      const userId = `user-${way}-${order.join('')}`
      const clients = [await join(t, node1, userId), await join(t, node2, userId), await join(t, node1, userId)]
      await bothSeeNow(t, userId, clients)
      const left = new Set(clients)
      for (const index of order) {
        const client = clients[index]
        if (client === undefined) continue
        await end(client)
        left.delete(client)
        await bothSee(userId, [...left])
      }
    }
  })
}

t.test('P34: one connection is online from its welcome on, and offline after its close', async t => {
  const alice = await join(t, node2, 'alice')
  await bothSeeNow(t, 'alice', [alice])
  await alice.close()
  await bothSee('alice', [])
  const answers = await Promise.all([node1, node2].map(node => node.presence('alice')))
  t.match(answers[0], { lastSeenAt: Number })
  t.same(answers[0], answers[1], 'both nodes tell the same')
})

// Netflix/zuul#1280: the old connection's late close removed the entry that the reconnect wrote.
t.test('P31: the end of an old connection leaves the newer one of the same user online and reachable', async t => {
  const old = await join(t, node1, 'rita')
  const newer = await join(t, node2, 'rita')
  t.not(old.connectionId, newer.connectionId)
  await old.reset()
  await bothSee('rita', [newer])
  await node1.publish({ user: 'rita', data: 'still there' })
  const [received = []] = await receivedBy(node1, [newer])
  t.match(received, [{ type: 'message', room: '$user:rita', data: 'still there' }])
  t.equal(received.length, 1)
  await bothSeeNow(t, 'rita', [newer])
})

t.test('P31: the end of an old connection that was cut off, by its missing sign of life, leaves the newer one too, and nobody is told a leave', async t => {
  const strict = await cluster.start({ PING_INTERVAL_MS: '1000', PONG_TIMEOUT_MS: '1000' })
  const list = await watch(await join(t, node1, 'watcher'), 'den')
  const mute = rawSocket(t, { url: strict.wsUrl, token: memberToken('walter'), together: ['{"type":"subscribe","room":"den"}'] })
  for (const type of ['welcome', 'subscribed']) t.match(await mute.nextJson(type), { type })
  const newer = await join(t, node2, 'walter')
  await newer.subscribe('den')
  await mute.closed
  await bothSee('walter', [newer])
  await node1.publish({ user: 'walter', data: 'still there' })
  t.match(await receivedBy(node1, [newer]), [[{ type: 'message', room: '$user:walter', data: 'still there' }]])
  await settle(node1, [list])
  t.same([list.events, list.faults], [['join walter'], []])
})

t.test('users of a node that was told to end are offline at the first question after its exit', async t => {
  const node3 = await cluster.start()
  const users = Array.from({ length: 20 }, (_, index) => `leaving-${index}`)
  await Promise.all(users.map(user => join(t, node3, user)))
  const staying = await join(t, node1, 'leaving-0')
  const { code } = await cluster.terminate(node3)
  const answers = await Promise.all(users.map(user => node2.presence(user)))
  t.equal(code, 0)
  t.same(answers.filter(({ online }) => online).map(({ userId }) => userId), ['leaving-0'], 'only who is connected elsewhere is online')
  await bothSeeNow(t, 'leaving-0', [staying])
})

t.end()
