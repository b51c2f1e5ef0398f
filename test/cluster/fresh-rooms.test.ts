import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const ROOMS = 500
const LOOPS = 300
/** Two seconds are promised; the rest is for a busy machine. */
const REFUSAL_MS = 3_000

const cluster = await startCluster(t, { nodes: 2 })
const [node1, node2] = cluster.pair()

function join (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub) })
}

function names (kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index}`)
}

/** Waits until no node is subscribed to a Redis channel whose name holds a text. */
async function noChannels (text: string): Promise<void> {
  await until(`channels with ${text}`, [], () => cluster.channels(text))
}

t.test('P20: what is published elsewhere the instant a subscribe was answered is delivered, 500 of 500 times', async t => {
  const alice = await join(t, node1, 'alice')
  const rooms = names('fresh', ROOMS)
  const answers = await Promise.all(rooms.map(async room => {
    await alice.subscribe(room)
    return node2.publish({ room, data: room })
  }))
  t.same(answers.filter(({ status }) => status !== 200), [])
  const [received = []] = await receivedBy(node2, [alice])
  t.same(received.map(frame => frame.type === 'message' && frame.data).sort(), [...rooms].sort())
})

// fastify/fastify-websocket#106: what the handler awaited cost the frames that arrived meanwhile.
t.test('P01: a frame that is sent in the open callback waits for a slow Redis, and is answered exactly once, a hundred times', async t => {
  await cluster.redis.command('CLIENT', 'PAUSE', '300', 'ALL')
  const eager = [JSON.stringify({ type: 'subscribe', id: 'eager', room: 'lobby' })]
  const clients = await Promise.all(names('eager', 100).map(user => connect(t, { url: node1.wsUrl, token: memberToken(user), eager })))
  for (const client of clients) t.match(await client.inbox.next('the answer'), { type: 'subscribed', id: 'eager', room: 'lobby' })
  t.same((await receivedBy(node2, clients)).flat(), [])
})

t.test('P01: a frame in the same TCP segment as the handshake waits for a slow Redis too', async t => {
  await cluster.redis.command('CLIENT', 'PAUSE', '300', 'ALL')
  const together = [JSON.stringify({ type: 'subscribe', id: 'eager', room: 'lobby' }), JSON.stringify({ type: 'ping', id: 'barrier' })]
  const sockets = names('together', 20).map(user => rawSocket(t, { url: node1.wsUrl, token: memberToken(user), together }))
  for (const socket of sockets) {
    for (const answer of [{ type: 'welcome' }, { type: 'subscribed', id: 'eager' }, { type: 'pong', id: 'barrier' }]) t.match(await socket.nextJson(answer.type), answer)
  }
})

t.test('P20: a subscribe that Redis refused is an error and no ack, for each who asked, and leaves nothing behind', async t => {
  const clients = [await join(t, node1, 'alice'), await join(t, node1, 'bob')]
  await cluster.redis.command('ACL', 'SETUSER', 'default', '-subscribe')
  for (const room of names('refused', 20)) {
    const outcomes = await Promise.allSettled(clients.map(client => client.subscribe(room)))
    t.match(outcomes, outcomes.map(() => ({ status: 'rejected', reason: { code: 'unavailable', frame: { room, retryAfterMs: Number } } })))
    await node2.publish({ room, data: 'not for those who were refused' })
  }
  await cluster.redis.command('ACL', 'SETUSER', 'default', '+subscribe')
  t.same(await receivedBy(node2, clients), [[], []])
  await Promise.all(clients.map(client => client.subscribe('refused-0')))
  await node2.publish({ room: 'refused-0', data: 'now' })
  for (const received of await receivedBy(node2, clients)) t.match(received, [{ type: 'message', room: 'refused-0', data: 'now' }])
  await Promise.all(clients.map(client => client.close()))
  await noChannels('{r:refused')
})

t.test('P20: a subscribe that Redis does not confirm in time is an error and no ack', async t => {
  const [alice, bob, carol] = [await join(t, node1, 'alice'), await join(t, node1, 'bob'), await join(t, node1, 'carol')]
  await carol.subscribe('unconfirmed-known')
  cluster.redis.pause()
  const since = performance.now()
  // One to which the node must subscribe, and one to which it has.
  await Promise.all(([[alice, 'unconfirmed-new'], [bob, 'unconfirmed-known']] as const).map(async ([client, room]) => {
    await t.rejects(client.subscribe(room), { code: /^(unavailable|outcome_unknown)$/, frame: { room } })
    const ms = Math.round(performance.now() - since)
    t.ok(ms < REFUSAL_MS, `${room} was refused after ${ms} ms`)
  }))
  cluster.redis.resume()
  for (const node of cluster.nodes) await until(`${node.name} is ready`, 200, async () => (await node.get('/ready')).status, 10_000)
  t.equal((await node2.publish({ rooms: ['unconfirmed-new', 'unconfirmed-known'], data: 'not for who was refused' })).status, 200)
  const [toAlice, toBob, toCarol] = await receivedBy(node2, [alice, bob, carol])
  t.same([toAlice, toBob, toCarol?.length], [[], [], 1])
  await carol.close()
  await noChannels('{r:unconfirmed')
})

t.test('P21: when one leaves and another enters in the same tick, the newcomer gets every publication and nobody else does', async t => {
  let leaver = await join(t, node1, 'alice')
  let newcomer = await join(t, node1, 'bob')
  await leaver.subscribe('race')
  for (let loop = 0; loop < LOOPS; loop++) {
    await Promise.all([leaver.unsubscribe('race'), newcomer.subscribe('race')])
    await node2.publish({ room: 'race', data: loop })
    const frame = await newcomer.inbox.next(`publication ${loop}`)
    if (frame.type !== 'message' || frame.data !== loop) t.fail(`loop ${loop} brought ${JSON.stringify(frame)}`);
    [leaver, newcomer] = [newcomer, leaver]
  }
  t.same(await receivedBy(node2, [leaver, newcomer]), [[], []])
  await leaver.unsubscribe('race')
  await noChannels('{r:race}')
})

t.test('P21: a connection that subscribes, unsubscribes and subscribes without waiting is subscribed once', async t => {
  const alice = await join(t, node1, 'alice')
  for (const room of names('flip', 20)) {
    await Promise.all([alice.subscribe(room), alice.unsubscribe(room), alice.subscribe(room)])
    await node2.publish({ room, data: room })
    t.match(await alice.inbox.next('the one copy'), { type: 'message', room, data: room })
  }
  t.same(await receivedBy(node2, [alice]), [[]])
  await Promise.all(names('flip', 20).map(room => alice.unsubscribe(room)))
  await noChannels('{r:flip')
})

const ends: Array<{ way: string, end: (client: TestClient, rooms: readonly string[]) => Promise<unknown> }> = [
  { way: 'an unsubscribe', end: (client, rooms) => Promise.all(rooms.map(room => client.unsubscribe(room))) },
  { way: 'a clean close', end: client => client.close() },
  { way: 'a TCP reset', end: client => client.reset() }
]

for (const { way, end } of ends) {
  t.test(`P26: after ${way} the Redis channels of 500 rooms are gone within a second`, async t => {
    const alice = await join(t, node1, 'alice')
    const rooms = names('gone', ROOMS)
    await Promise.all(rooms.map(room => alice.subscribe(room)))
    t.equal((await cluster.channels('{r:gone-')).length, ROOMS)
    await end(alice, rooms)
    await until('channels of the rooms that were left', [], () => cluster.channels('{r:gone-'), 1_000)
  })
}

/** The connections for which nodes vouch. */
async function vouchedFor (): Promise<string[]> {
  const indexes = await cluster.keysIn(':index')
  const entries = await Promise.all(indexes.map(key => cluster.redis.command('HKEYS', key) as Promise<string[]>))
  return entries.flat().filter(entry => entry.startsWith('c ')).map(entry => entry.slice(2)).sort()
}

t.test('P19: a subscribe that Redis confirms after its connection was reset leaves nothing behind', async t => {
  const users = names('late', 200)
  const clients = await Promise.all(users.map(user => join(t, node1, user)))
  const witness = await join(t, node1, 'witness')
  await cluster.redis.command('CLIENT', 'PAUSE', '1000', 'ALL')
  for (const [index, client] of clients.entries()) client.send(JSON.stringify({ type: 'subscribe', room: `late-room-${index}` }))
  // Two round trips through the node's event loop, so that it has read those frames.
  for (const path of ['/live', '/live']) await node1.get(path)
  await delay(50)
  await Promise.all(clients.map(client => client.reset()))
  // Waits for its turn behind the late ones, on the same connection to Redis.
  await witness.subscribe('after-the-pause')
  await noChannels('late')
  for (const user of users) t.match(await node2.presence(user), { online: false, connections: [] })
  t.same((await node1.rooms()).filter(room => room.startsWith('late')), [])
  await until('the connections that nodes vouch for', [witness.connectionId], vouchedFor)
  // But for the numberings, and when they were seen.
  await until('keys of those who are gone', [], async () => {
    const keys = await cluster.redis.command('KEYS', `${cluster.prefix}*late-*`) as string[]
    return keys.filter(key => !/:(seen|end|version)$/.test(key))
  })
})

t.end()
