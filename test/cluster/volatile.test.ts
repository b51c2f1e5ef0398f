import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { startHost } from '../embedded/host.ts'
import { connect, type Frame, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const LINKS_MS = 10_000
const ROOMS = JSON.stringify([{ pattern: 'bare-*', history: { size: 0 } }])

const cluster = await startCluster(t, { nodes: 1, env: { ROOMS } })
await cluster.redis.command('ACL', 'SETUSER', 'apart', 'on', '>secret', '~*', '&*', '+@all')
await cluster.start({ REDIS_URL: cluster.redis.url.replace('//', '//apart:secret@') })
const [node1, node2] = cluster.pair()

function user (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub) })
}

/** A room of the test's own, with alice in it on node 1 and bob on node 2. */
async function lobby (t: Test, prefix = ''): Promise<{ room: string, epoch: string, alice: TestClient, bob: TestClient }> {
  const room = `${prefix}${randomUUID()}`
  const [alice, bob] = [await user(t, node1, 'alice'), await user(t, node2, 'bob')]
  const { epoch } = await alice.subscribe(room)
  await bob.subscribe(room)
  return { room, epoch, alice, bob }
}

/** Data and offset of each message; any other frame as it is. */
function messages (frames: readonly Frame[]): unknown[] {
  return frames.map(frame => frame.type === 'message' ? [frame.data, frame.offset] : frame)
}

/** Whether the node that can be cut off hears a room. */
async function hears (room: string): Promise<void> {
  const channel = cluster.keys.roomChannel(room)
  await until('both nodes at the room\'s channel', [channel, 2], () => cluster.redis.command('PUBSUB', 'NUMSUB', channel), LINKS_MS)
}

t.test('a volatile publication has no position, over REST, by frame and from the host, and reaches both nodes once', async t => {
  const { room, epoch, alice, bob } = await lobby(t)
  const { app } = await startHost(t, { jwtSecret: JWT_SECRET, redisUrl: cluster.redis.url, keyPrefix: cluster.prefix })

  t.same((await node1.publish({ room, data: 'REST', volatile: true })).body, { publications: [{ room, duplicate: false }] })
  const published = await alice.publish(room, 'frame', { volatile: true })
  t.same(Object.keys(published).sort(), ['id', 'room', 'type'])
  t.same(await app.realtime.publish({ room }, 'host', { volatile: true }), [{ room, duplicate: false }])
  t.match((await node2.publish({ room, data: 'kept', volatile: false })).body, { publications: [{ room, epoch, offset: 1, duplicate: false }] })

  for (const frames of await receivedBy(node1, [alice, bob])) {
    t.same(messages(frames), [['REST', undefined], ['frame', undefined], ['host', undefined], ['kept', 1]])
    t.ok(frames.slice(0, 3).every(frame => !('offset' in frame) && !('epoch' in frame)))
    t.match(frames, [{ at: Number }, { at: Number, from: { userId: 'alice', connectionId: alice.connectionId } }, { at: Number }, {}])
  }
  const { publications } = await bob.history(room)
  t.match(publications, [{ offset: 1, data: 'kept' }])
  t.equal(publications.length, 1)
})

t.test('a volatile publication reaches users and everyone, and moves no position of theirs', async t => {
  const { alice, bob } = await lobby(t)
  const before = (await node1.publish({ users: ['alice', 'bob'], data: 'before' })).body['publications'] as Array<{ offset: number }>
  t.same((await node1.publish({ users: ['alice', 'bob'], data: 'psst', volatile: true })).body, {
    publications: ['alice', 'bob'].map(user => ({ room: `$user:${user}`, user, duplicate: false }))
  })
  t.same((await node1.publish({ everyone: true, data: 'all', volatile: true })).body, { publications: [{ room: '$all', duplicate: false }] })
  const after = (await node1.publish({ users: ['alice', 'bob'], data: 'after' })).body['publications'] as Array<{ offset: number }>
  t.same(after.map(({ offset }) => offset), before.map(({ offset }) => offset + 1))
  for (const frames of await receivedBy(node2, [alice, bob])) {
    t.same(frames.map(frame => frame.type === 'message' && frame.data), ['before', 'psst', 'all', 'after'])
  }
})

t.test('a recovery brings what was kept, without what was volatile, and misses nothing', async t => {
  const { room, epoch, alice } = await lobby(t)
  for (let n = 1; n <= 6; n++) await node2.publish({ room, data: n, volatile: n % 2 === 1 })
  t.same((await receivedBy(node1, [alice])).map(messages), [[[1, undefined], [2, 1], [3, undefined], [4, 2], [5, undefined], [6, 3]]])
  for (const node of [node1, node2]) {
    const carol = await user(t, node, 'carol')
    const { recovered, publications, offset } = await carol.subscribe(room, { since: { epoch, offset: 1 } })
    t.same([recovered, offset], [true, 3])
    t.match(publications, [{ data: 4, offset: 2 }, { data: 6, offset: 3 }])
    t.equal(publications?.length, 2)
    t.same((await receivedBy(node1, [carol])), [[]])
  }
})

t.test('echo:false and except leave out just the connection that they name', async t => {
  const { room, alice, bob } = await lobby(t)
  const second = await user(t, node2, 'alice')
  await second.subscribe(room)
  await alice.publish(room, 'quiet', { volatile: true, echo: false })
  await node1.publish({ room, data: 'psst', volatile: true, except: bob.connectionId })
  t.same((await receivedBy(node1, [alice, second, bob])).map(messages), [
    [['psst', undefined]], [['quiet', undefined], ['psst', undefined]], [['quiet', undefined]]
  ])
})

t.test('volatile ones keep their order among themselves, and kept ones theirs, when both come at once', async t => {
  const { room, alice, bob } = await lobby(t)
  const numbers = Array.from({ length: 400 }, (_, n) => n)
  await Promise.all(numbers.map(n => alice.publish(room, n, n % 2 === 1 ? { volatile: true } : {})))
  for (const frames of await receivedBy(node1, [alice, bob])) {
    t.same(frames.flatMap(frame => frame.type === 'message' && frame.offset === undefined ? [frame.data] : []), numbers.filter(n => n % 2 === 1))
    t.same(frames.flatMap(frame => frame.type === 'message' && frame.offset !== undefined ? [[frame.data, frame.offset]] : []),
      numbers.filter(n => n % 2 === 0).map(n => [n, n / 2 + 1]))
  }
})

t.test('nobody is told of a gap where a volatile one was missed, even where no history could fill it', async t => {
  for (const prefix of ['', 'bare-']) {
    const { room, alice, bob } = await lobby(t, prefix)
    await node1.publish({ room, data: 'before' })
    t.same((await receivedBy(node1, [alice, bob])).map(messages), [[['before', 1]], [['before', 1]]])
    cluster.pause(node2)
    await cluster.redis.command('CLIENT', 'KILL', 'USER', 'apart')
    for (let n = 0; n < 3; n++) await node1.publish({ room, data: 'missed', volatile: true })
    cluster.resume(node2)
    await hears(room)
    await until('node 2 is ready', 200, async () => (await node2.get('/ready')).status, LINKS_MS)
    await node1.publish({ room, data: 'after' })
    const [atNode1 = [], atNode2 = []] = await receivedBy(node1, [alice, bob])
    t.same(messages(atNode1), [['missed', undefined], ['missed', undefined], ['missed', undefined], ['after', 2]])
    t.same(messages(atNode2), [['after', 2]], `in a room ${prefix}…`)
  }
})

t.end()
