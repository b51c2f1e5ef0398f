import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch, type MemberList } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const HEARTBEAT_MS = 300
const LEASE_MS = 2_000
/** A dead node is claimed a second after its lease's end, with somebody's next heartbeat. */
const SWEEP_MS = LEASE_MS + 1_000 + HEARTBEAT_MS
/** For a busy machine. */
const MARGIN_MS = 2_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}` }

function join (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub) })
}

/** A user in some rooms. */
async function enter (t: Test, node: ServerProcess, sub: string, rooms: readonly string[]): Promise<TestClient> {
  const client = await join(t, node, sub)
  for (const room of rooms) await client.subscribe(room)
  return client
}

async function connectionsOf (node: ServerProcess, userId: string): Promise<string[]> {
  return (await node.presence(userId)).connections.map(({ connectionId }) => connectionId)
}

/** Waits for something, and tells how long after an instant it came. */
async function timed (t: Test, what: string, since: number, wait: Promise<unknown>): Promise<number> {
  await wait
  const ms = Math.round(performance.now() - since)
  t.comment(`${what} after ${ms} ms`)
  return ms
}

function names (kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index}`)
}

/** What each of these users did, once. */
function each (type: 'join' | 'leave', users: readonly string[]): string[] {
  return users.map(user => `${type} ${user}`).sort()
}

t.test('P30: who is on two nodes stays online when one is killed, without an event; when both are, a third says offline in time', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const first = await enter(t, node1, 'alice', ['lobby'])
  const second = await enter(t, node2, 'alice', ['lobby'])
  await join(t, node1, 'rita')
  const rita = await join(t, node2, 'rita')
  const list = await watch(await join(t, node2, 'watcher'), 'lobby')
  t.same(await connectionsOf(node2, 'alice'), [first.connectionId, second.connectionId])
  const dead = await nodeIdOf(node2, first)

  let since = performance.now()
  await cluster.kill(node1)
  let wasOffline = false
  await timed(t, 'exactly one connection', since, until('the connection that is left', [second.connectionId], async () => {
    const { online, connections } = await node2.presence('alice')
    wasOffline ||= !online
    return connections.map(({ connectionId }) => connectionId)
  }, LEASE_MS + MARGIN_MS))
  await timed(t, 'swept', since, cluster.isSwept(dead, SWEEP_MS + MARGIN_MS))
  t.same([wasOffline, (await node2.presence('alice')).online], [false, true], 'never offline')
  await settle(node2, [list])
  t.same([list.events, list.faults], [[], []], 'no join, no leave')
  t.same(await node2.occupancy('lobby'), { connections: 2, members: 2 })
  const later: unknown[] = []
  for (; performance.now() < since + 3 * LEASE_MS; await delay(100)) later.push(...await connectionsOf(node2, 'alice'))
  t.same(new Set(later), new Set([second.connectionId]), 'for three leases: who is left does not keep the dead one\'s record')
  await until('rita, of whom one is left', [rita.connectionId], () => connectionsOf(node2, 'rita'))
  await rita.close()
  await until('rita offline at once', false, async () => (await node2.presence('rita')).online)

  const node3 = await cluster.start()
  t.same(await connectionsOf(node3, 'alice'), [second.connectionId], 'a node that never knew the dead one answers the same')
  since = performance.now()
  await cluster.kill(node2)
  await timed(t, 'offline', since, until('alice on a node that never saw her', false, async () => (await node3.presence('alice')).online, LEASE_MS + MARGIN_MS))
  t.match(await node3.presence('alice'), { connections: [], lastSeenAt: Number })
  await timed(t, 'without members', since, until('the members', [], async () => (await node3.members('lobby')).members, SWEEP_MS + MARGIN_MS))
})

t.test('P35: the users of a killed node leave each of their rooms exactly once, for every watcher on every node', async t => {
  const cluster = await startCluster(t, { nodes: 3, env })
  const [node1, node2] = cluster.pair()
  const node3 = cluster.nodes[2] ?? node2
  const rooms = names('room', 3)
  const users = names('guest', 50)
  const lists: MemberList[] = []
  for (const node of [node2, node3]) {
    for (const room of rooms) lists.push(await watch(await join(t, node, `watcher-${node.name}-${room}`), room))
  }
  const guests = await Promise.all(users.map(user => enter(t, node1, user, rooms)))
  await enter(t, node1, 'hermit', ['cave'])
  await settle(node1, lists)
  for (const list of lists) {
    t.same(list.events.filter(event => event.includes('guest')).sort(), each('join', users))
    t.same([list.faults, list.repairs, list.userIds.length], [[], 0, 52])
    list.events.length = 0
  }
  t.same(await node3.rooms(), ['cave', ...rooms])
  t.same(await node3.occupancy('room-0'), { connections: 52, members: 52 })
  const [guest] = guests
  const dead = guest === undefined ? '' : await nodeIdOf(node3, guest)

  const since = performance.now()
  await cluster.kill(node1)
  await timed(t, 'occupancy right', since, until('occupancy', { connections: 2, members: 2 }, () => node2.occupancy('room-0'), LEASE_MS + MARGIN_MS))
  t.same(await Promise.all(rooms.map(room => node3.occupancy(room))), rooms.map(() => ({ connections: 2, members: 2 })))
  t.same(await node3.rooms(), rooms, 'a room that only the dead node had is not listed')
  t.same((await Promise.all(users.map(user => node3.presence(user)))).filter(({ online }) => online), [])
  await timed(t, 'swept', since, cluster.isSwept(dead, SWEEP_MS + MARGIN_MS))
  for (const room of rooms) {
    t.same((await node2.members(room)).members.map(({ userId }) => userId), [`watcher-node-2-${room}`, `watcher-node-3-${room}`])
  }
  await settle(node2, lists)
  for (const list of lists) {
    t.same(list.events.sort(), each('leave', users), `${list.client.welcome.userId} was told each leave once`)
    t.same([list.faults, list.repairs], [[], 0], 'in the order of consecutive versions')
    await equalsServer(list, node3)
  }
})

t.test('users of a killed node who come back before, during and after its sweep are where every watcher\'s list says', async t => {
  const cluster = await startCluster(t, { nodes: 3, env })
  const [node1, node2] = cluster.pair()
  const node3 = cluster.nodes[2] ?? node2
  const old = await enter(t, node1, 'at-once', ['lobby'])
  for (const user of ['at-lease-end', 'after-sweep', 'never']) await enter(t, node1, user, ['lobby'])
  const dead = await nodeIdOf(node3, old)
  const lists = [await watch(await join(t, node3, 'watcher-0'), 'lobby')]
  async function addWatcher (): Promise<void> {
    lists.push(await watch(await join(t, node3, `watcher-${lists.length}`), 'lobby'))
  }

  await cluster.kill(node1)
  await addWatcher()
  const back = await enter(t, node2, 'at-once', ['lobby'])
  await addWatcher()
  await until('the end of the lease', false, async () => (await node3.presence('never')).online, LEASE_MS + MARGIN_MS)
  await addWatcher()
  await enter(t, node2, 'at-lease-end', ['lobby'])
  await addWatcher()
  await cluster.isSwept(dead, SWEEP_MS + MARGIN_MS)
  await addWatcher()
  await enter(t, node2, 'after-sweep', ['lobby'])
  await addWatcher()

  await settle(node2, lists)
  const { members, version } = await node3.members('lobby')
  for (const list of lists) {
    t.same(list.state, { members, version }, `${list.client.welcome.userId} has the server's list at its version`)
    t.same([list.faults, list.repairs], [[], 0])
    t.notOk(list.events.some(event => event.endsWith('at-once') || event.endsWith('at-lease-end')), 'who was back in time never left')
  }
  t.same(lists[0]?.events.filter(event => !event.includes('watcher')).sort(), ['join after-sweep', 'leave after-sweep', 'leave never'])
  t.same(members.map(({ userId }) => userId).filter(userId => !userId.includes('watcher')), ['after-sweep', 'at-lease-end', 'at-once'])
  t.same(await connectionsOf(node3, 'at-once'), [back.connectionId])
})

t.test('a node that was stopped until it was swept brings its users back within a heartbeat, and leaves no ghost', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const rooms = ['north', 'south']
  const users = names('sleeper', 20)
  const lists = [await watch(await join(t, node2, 'watcher-north'), 'north'), await watch(await join(t, node2, 'watcher-south'), 'south')]
  const clients = await Promise.all(users.map(user => enter(t, node1, user, rooms)))
  const [client] = clients
  const dead = client === undefined ? '' : await nodeIdOf(node2, client)

  cluster.pause(node1)
  await until('offline', false, async () => (await node2.presence('sleeper-0')).online, LEASE_MS + MARGIN_MS)
  t.same((await Promise.all(users.map(user => node2.presence(user)))).filter(({ online }) => online), [], 'offline meanwhile')
  await cluster.isSwept(dead, SWEEP_MS + MARGIN_MS)
  t.same((await node2.members('north')).members.map(({ userId }) => userId), ['watcher-north'])
  const since = performance.now()
  cluster.resume(node1)
  const wanted = clients.map(({ connectionId }) => [connectionId])
  await timed(t, 'whole again', since, until('everybody back', wanted, () => Promise.all(users.map(user => connectionsOf(node2, user))), HEARTBEAT_MS + MARGIN_MS))
  for (const room of rooms) {
    await until(`occupancy of ${room}`, { connections: 21, members: 21 }, () => node2.occupancy(room))
    t.same(await node1.occupancy(room), { connections: 21, members: 21 })
  }
  await settle(node2, lists)
  for (const list of lists) {
    t.same(list.events.filter(event => event.includes('sleeper')).sort(), [...each('join', users), ...each('join', users), ...each('leave', users)].sort())
    t.same([list.faults, list.repairs], [[], 0])
    await equalsServer(list, node1)
  }
  t.same(await cluster.keysIn(dead), [], 'nothing of the old id')
  t.equal((await cluster.keysIn(':index')).length, 2)
  await Promise.all(clients.map(one => one.close()))
  for (const room of rooms) await until(`${room} without them`, { connections: 1, members: 1 }, () => node2.occupancy(room))
})
