import t, { type Test } from 'tap'
import { connect, type Frame } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { PublishBody, ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const cluster = await startCluster(t, { nodes: 2 })
const [node1, node2] = cluster.pair()

/** Connects a user to a node and subscribes to rooms. */
async function join (t: Test, node: ServerProcess, sub: string, rooms: readonly string[]) {
  const client = await connect(t, { url: node.wsUrl, token: memberToken(sub) })
  for (const room of rooms) await client.subscribe(room)
  return client
}

/** What of a publication a test compares: the room and the data. */
function messages (frames: readonly Frame[]): Array<[room: string, data: unknown]> {
  return frames.map(frame => frame.type === 'message' ? [frame.room, frame.data] : ['not a message', frame])
}

/** alice on node 1 and bob on node 2 in the lobby, carol on node 1 in the attic, dave on node 2 in no room. */
async function fourUsers (t: Test) {
  return [
    await join(t, node1, 'alice', ['lobby']),
    await join(t, node2, 'bob', ['lobby']),
    await join(t, node1, 'carol', ['attic']),
    await join(t, node2, 'dave', [])
  ]
}

const targets: Array<{ body: PublishBody, reaches: Array<Array<[string, unknown]>> }> = [
  { body: { room: 'lobby', data: 1 }, reaches: [[['lobby', 1]], [['lobby', 1]], [], []] },
  { body: { rooms: ['attic', 'lobby'], data: 2 }, reaches: [[['lobby', 2]], [['lobby', 2]], [['attic', 2]], []] },
  { body: { user: 'alice', data: 3 }, reaches: [[['$user:alice', 3]], [], [], []] },
  { body: { users: ['bob', 'carol'], data: 4 }, reaches: [[], [['$user:bob', 4]], [['$user:carol', 4]], []] },
  { body: { everyone: true, data: 5 }, reaches: [[['$all', 5]], [['$all', 5]], [['$all', 5]], [['$all', 5]]] }
]

t.test('each of the five targets reaches exactly whom it names, once, on both nodes', async t => {
  const clients = await fourUsers(t)
  for (const { body, reaches } of targets) {
    const target = Object.keys(body)[0] ?? ''
    const { status } = await node2.publish(body)
    t.equal(status, 200, `a publish to ${target} is accepted`)
    t.same((await receivedBy(node2, clients)).map(messages), reaches, `a publish to ${target} reaches whom it should`)
  }
})

t.test('the answer names each room once, in the order named, with its position', async t => {
  const { body } = await node1.publish({ users: ['erin', 'alice', 'erin'], data: null })
  t.match(body, {
    publications: [
      { room: '$user:erin', user: 'erin', epoch: /./, offset: 1 },
      { room: '$user:alice', user: 'alice', epoch: /./, offset: Number }
    ]
  })
  t.equal((body['publications'] as unknown[]).length, 2)
})

t.test('P23: what a connection publishes reaches every subscriber once, itself included', async t => {
  const alice = await join(t, node1, 'alice', ['lobby'])
  const second = await join(t, node2, 'alice', ['lobby'])
  const bob = await join(t, node2, 'bob', ['lobby'])
  const { epoch, offset } = await alice.publish('lobby', 'hello')
  const received = await receivedBy(node2, [alice, second, bob])
  const wanted = { type: 'message', room: 'lobby', offset, data: 'hello', from: { userId: 'alice', connectionId: alice.connectionId }, at: Number }
  for (const frames of received) t.match(frames, [wanted])
  t.same(received.map(frames => frames.length), [1, 1, 1])
  t.equal((await bob.subscribe('lobby')).epoch, epoch, 'both nodes name the same epoch')
})

t.test('P23: echo:false leaves out just the connection that publishes', async t => {
  const alice = await join(t, node1, 'alice', ['lobby'])
  const second = await join(t, node2, 'alice', ['lobby'])
  const third = await join(t, node1, 'alice', ['lobby'])
  await alice.publish('lobby', 'quiet', { echo: false })
  const one = [['lobby', 'quiet']]
  t.same((await receivedBy(node2, [alice, second, third])).map(messages), [[], one, one])
})

t.test('P23: except leaves out just the connection that it names, also on another node', async t => {
  const alice = await join(t, node1, 'alice', ['lobby'])
  const second = await join(t, node2, 'alice', ['lobby'])
  const bob = await join(t, node1, 'bob', ['lobby'])
  const one = [['lobby', 'psst']]
  await node2.publish({ room: 'lobby', data: 'psst', except: alice.connectionId })
  t.same((await receivedBy(node2, [alice, second, bob])).map(messages), [[], one, one])
  await node1.publish({ user: 'alice', data: 'psst', except: second.connectionId })
  t.same((await receivedBy(node1, [alice, second, bob])).map(messages), [[['$user:alice', 'psst']], [], []])
})

t.test('P22: a name that is given twice counts once', async t => {
  const alice = await join(t, node1, 'alice', ['r1'])
  await node2.publish({ rooms: ['r1', 'r1'], data: 'room' })
  await node2.publish({ users: ['alice', 'alice'], data: 'user' })
  const [received = []] = await receivedBy(node2, [alice])
  t.same(messages(received), [['r1', 'room'], ['$user:alice', 'user']])
})

t.test('P22: a connection in two of the rooms gets one copy for each, the same on every node', async t => {
  const clients = [await join(t, node1, 'alice', ['r1', 'r2']), await join(t, node2, 'bob', ['r2', 'r1'])]
  await node2.publish({ rooms: ['r1', 'r2'], data: 'both' })
  for (const received of await receivedBy(node2, clients)) {
    t.same(messages(received).sort(), [['r1', 'both'], ['r2', 'both']])
  }
})

t.test('P22: a room that is subscribed twice gives one copy, and one unsubscribe ends it', async t => {
  const alice = await join(t, node1, 'alice', ['r1', 'r1'])
  await node2.publish({ room: 'r1', data: 'once' })
  t.same((await receivedBy(node2, [alice])).map(messages), [[['r1', 'once']]])
  await alice.unsubscribe('r1')
  await node2.publish({ room: 'r1', data: 'never' })
  t.same(await receivedBy(node2, [alice]), [[]])
  await t.rejects(alice.unsubscribe('r1'), { code: 'not_subscribed' })
})

const values: unknown[] = [
  null, true, false, 0, 7, -1.5, 1e300, 5e-324, 9007199254740991, '', 'text', 'Grüße, мир 🌍 \u0000 \u2028 "\\', [], {},
  [null, [true, [7, { deep: [null] }]]], { '': null, a: { b: [1, '2', false, null] }, constructor: 'mine' }
]

t.test('P50: data of every JSON type arrives as it was sent, over REST and by frame', async t => {
  const alice = await join(t, node1, 'alice', ['lobby'])
  const bob = await join(t, node2, 'bob', ['lobby'])
  for (const data of values) await node2.publish({ room: 'lobby', data })
  for (const data of values) await alice.publish('lobby', data)
  const wanted = [...values, ...values].map(data => ['lobby', data])
  for (const received of await receivedBy(node1, [alice, bob])) t.strictSame(messages(received), wanted)
})

t.test('a thousand publications of one connection arrive in order, with consecutive offsets, on both nodes', async t => {
  const alice = await join(t, node1, 'alice', ['flow'])
  const bob = await join(t, node2, 'bob', ['flow'])
  const wanted = Array.from({ length: 1_000 }, (_, index) => index)
  await Promise.all(wanted.map(data => alice.publish('flow', data)))
  for (const received of await receivedBy(node1, [alice, bob])) {
    t.same(messages(received).map(([, data]) => data), wanted)
    t.same(received.map(frame => frame.type === 'message' && frame.offset), wanted.map(index => index + 1))
  }
})

t.end()
