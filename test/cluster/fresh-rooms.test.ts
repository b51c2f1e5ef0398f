import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const ROOMS = 500
const LOOPS = 300

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

t.test('P19: a subscribe that Redis confirms after its connection was reset leaves nothing behind', async t => {
  const users = names('late', 200)
  const clients = await Promise.all(users.map(user => join(t, node1, user)))
  const witness = await join(t, node1, 'witness')
  await cluster.redis.command('CLIENT', 'PAUSE', '1000', 'ALL')
  for (const [index, client] of clients.entries()) client.send(JSON.stringify({ type: 'subscribe', room: `late-room-${index}` }))
  // Two round trips through the node's event loop, so that it has read those frames.
  for (const path of ['/live', '/live']) await node1.get(path)
  await Promise.all(clients.map(client => client.reset()))
  // Waits for its turn behind the late ones, on the same connection to Redis.
  await witness.subscribe('after-the-pause')
  await noChannels('late')
  for (const user of users) t.match(await node2.presence(user), { online: false, connections: [] })
  // But for the numberings, and when they were seen.
  await until('keys of those who are gone', [], async () => {
    const keys = await cluster.redis.command('KEYS', `${cluster.prefix}*late-*`) as string[]
    return keys.filter(key => !/:(seen|end|version)$/.test(key))
  })
})

t.end()
