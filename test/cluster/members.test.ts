import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { equalsServer, settle, watch, type MemberList } from '../helpers/member-list.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const ROOMS = JSON.stringify([{ pattern: 'quiet:*', presence: false }])
const USERS = Array.from({ length: 20 }, (_, index) => `user-${index}`)

const cluster = await startCluster(t, { nodes: 2, env: { ROOMS } })
const [node1, node2] = cluster.pair()

async function enter (t: Test, node: ServerProcess, sub: string, room: string): Promise<TestClient> {
  const client = await connect(t, { url: node.wsUrl, token: memberToken(sub) })
  await client.subscribe(room)
  return client
}

/** A watcher of a room on each node. */
async function watchOnBoth (t: Test, room: string): Promise<MemberList[]> {
  const lists: MemberList[] = []
  for (const node of cluster.nodes) lists.push(await watch(await connect(t, { url: node.wsUrl, token: memberToken(`watcher-${node.name}`) }), room))
  await settle(node1, lists)
  for (const list of lists) list.events.length = 0
  return lists
}

/** Two round trips through a node's event loop, so that it has read what was sent. */
async function turn (node: ServerProcess): Promise<void> {
  for (const path of ['/live', '/live']) await node.get(path)
}

type Reconnect = (t: Test, old: TestClient, room: string) => Promise<TestClient>

/** How the old connection on the first node ends after the new one on the second was made. */
const interleavings: Record<string, Reconnect> = {
  'after the new one entered': async (t, old, room) => {
    const newer = await enter(t, node2, old.welcome.userId, room)
    await old.reset()
    return newer
  },
  'after the new one entered, with a slow Redis': async (t, old, room) => {
    const newer = await enter(t, node2, old.welcome.userId, room)
    // It stands still for all of them; each in a row would add up to what a command may take.
    if (Number(old.welcome.userId.slice('user-'.length)) % 5 === 0) await cluster.redis.command('CLIENT', 'PAUSE', '100', 'ALL')
    await old.close()
    return newer
  },
  'with an unsubscribe first, after the new one entered': async (t, old, room) => {
    const newer = await enter(t, node2, old.welcome.userId, room)
    await old.unsubscribe(room)
    await old.close()
    return newer
  },
  'after the new one entered, left and entered again': async (t, old, room) => {
    const newer = await enter(t, node2, old.welcome.userId, room)
    await newer.unsubscribe(room)
    await Promise.all([newer.subscribe(room), newer.unsubscribe(room), newer.subscribe(room)])
    await old.reset()
    return newer
  }
}

/** Asks about all users without a break, and tells who was ever offline. */
async function offlineUntil (isOver: () => boolean): Promise<string[]> {
  const offline: string[] = []
  while (!isOver()) {
    const { text } = await node1.post('/presence/query', JSON.stringify({ userIds: USERS }))
    const { users } = JSON.parse(text) as { users: Array<{ userId: string, online: boolean }> }
    offline.push(...users.filter(({ online }) => !online).map(({ userId }) => userId))
  }
  return offline
}

for (const [when, reconnect] of Object.entries(interleavings)) {
  t.test(`P31: a user whose old connection ends ${when} is never offline, and nobody is told a word`, async t => {
    const room = `lounge ${when}`
    const lists = await watchOnBoth(t, room)
    const olds = await Promise.all(USERS.map(user => enter(t, node1, user, room)))
    await settle(node1, lists)
    for (const list of lists) list.events.length = 0
    let isOver = false
    const polling = offlineUntil(() => isOver)
    const newers = await Promise.all(olds.map(old => reconnect(t, old, room)))
    for (const { connectionId, welcome: { userId } } of newers) {
      for (const node of cluster.nodes) {
        await until(`${userId} on ${node.name}`, [connectionId], async () => (await node.presence(userId)).connections.map(one => one.connectionId))
      }
    }
    isOver = true
    t.same(await polling, [])
    await until('occupancy', { connections: 22, members: 22 }, () => node1.occupancy(room))
    await settle(node1, lists)
    for (const list of lists) {
      t.same([list.events, list.faults, list.repairs], [[], [], 0], 'no join and no leave')
      await equalsServer(list, node2)
    }
  })
}

t.test('a user whose old node stands still for less than a lease while they come back on another is never offline, without an event', async t => {
  const lists = await watchOnBoth(t, 'salon')
  const olds = await Promise.all(USERS.map(user => enter(t, node1, user, 'salon')))
  await settle(node1, lists)
  for (const list of lists) list.events.length = 0
  cluster.pause(node1)
  await Promise.all(olds.map(old => old.reset()))
  const newers = await Promise.all(USERS.map(user => enter(t, node2, user, 'salon')))
  // The pause lasts this long; the lease that is the default is good for ten seconds.
  await delay(1_000)
  t.same((await Promise.all(USERS.map(user => node2.presence(user)))).filter(({ online }) => !online), [])
  cluster.resume(node1)
  await until('only the new connections', newers.map(({ connectionId }) => [connectionId]), () => Promise.all(USERS.map(async user =>
    (await node2.presence(user)).connections.map(({ connectionId }) => connectionId))), 5_000)
  await until('occupancy', { connections: 22, members: 22 }, () => node2.occupancy('salon'))
  await settle(node1, lists)
  for (const list of lists) {
    t.same([list.events, list.faults, list.repairs], [[], [], 0])
    await equalsServer(list, node1)
  }
})

t.test('P34: a user with connections on both nodes joins at the first and leaves at the last, whichever that is', async t => {
  const lists = await watchOnBoth(t, 'stairs')
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]) {
    const clients = [await enter(t, node1, 'alice', 'stairs'), await enter(t, node2, 'alice', 'stairs'), await enter(t, node1, 'alice', 'stairs')]
    for (const index of order) {
      await settle(node1, lists)
      for (const list of lists) t.same(list.events, ['join alice'])
      await clients[index]?.unsubscribe('stairs')
      await until('the unsubscribe', clients.length + 1, async () => (await node2.occupancy('stairs')).connections + order.indexOf(index))
    }
    await settle(node1, lists)
    for (const list of lists) {
      t.same(list.events.splice(0), ['join alice', 'leave alice'])
      t.same(list.faults, [])
      await equalsServer(list, node2)
    }
    await Promise.all(clients.map(client => client.close()))
  }
})

t.test('where the policy turns presence off a subscribe with presence is refused, and nobody is kept as a member', async t => {
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  await t.rejects(alice.subscribe('quiet:1', { presence: true }), { code: 'room_forbidden', frame: { room: 'quiet:1', message: /Presence is off/ } })
  await t.rejects(alice.presence('quiet:1'), { code: 'room_forbidden', frame: { message: /Presence is off/ } })
  await node2.publish({ room: 'quiet:1', data: 'not subscribed' })
  t.same(await receivedBy(node2, [alice]), [[]], 'a refused subscribe is none')
  t.same(await cluster.channels('{r:quiet:1}'), [])

  await alice.subscribe('quiet:1')
  const bob = await enter(t, node2, 'bob', 'quiet:1')
  await turn(node2)
  for (const kind of [':members', ':order', ':connections', ':version']) t.same(await cluster.keysIn(`{r:quiet:1}${kind}`), [], `no ${kind}`)
  t.same((await node1.members('quiet:1')).members, [])
  t.same(await node1.rooms(), ['quiet:1'], 'the room is in use all the same')
  await bob.close()
  const [received = []] = await receivedBy(node2, [alice])
  t.same(received, [], 'nobody is told that bob came and went')
  await alice.close()
  await until('rooms in use', [], () => node2.rooms())
})

t.end()
