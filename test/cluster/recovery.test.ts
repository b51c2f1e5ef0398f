import t, { type Test } from 'tap'
import type { TestClient } from '../helpers/client.ts'
import { connect, type Frame } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { memberToken, token } from '../helpers/token.ts'
import { API_KEY, type ServerProcess } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'

/** Two pages and a half of what a node reads at a time. */
const MISSED = 2_500
const CAN = { subscribe: ['*'], publish: ['*'] }

type Subscribed = Extract<Frame, { type: 'subscribed' }>

function join (t: Test, node: ServerProcess, sub: string, query = ''): Promise<TestClient> {
  return connect(t, { url: node.wsUrl + query, token: token({ sub, can: CAN }) })
}

/** The data of what a reply replays. */
function replayed ({ publications }: { readonly publications?: Subscribed['publications'] }): unknown[] {
  return (publications as unknown as Array<{ data: unknown }> | undefined ?? []).map(({ data }) => data)
}

async function publish (node: ServerProcess, room: string, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) t.equal((await node.publish({ room, data: n })).status, 200)
}

function numbers (from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

t.test('a client that was away gets exactly what it missed, on whatever node', async t => {
  const [north, south] = (await startCluster(t)).pair()
  const alice = await join(t, north, 'alice')
  const { epoch, offset } = await alice.subscribe('lobby')
  await publish(south, 'lobby', 1, 3)
  await alice.close()
  await publish(south, 'lobby', 4, 8)

  for (const node of [north, south]) {
    const back = await join(t, node, 'alice')
    const reply = await back.subscribe('lobby', { since: { epoch, offset: offset + 3 } })
    t.match(reply, { recovered: true, epoch, offset: 8 })
    t.same(replayed(reply), numbers(4, 8))
    await back.close()
  }
})

t.test('a position that the room is at recovers nothing, and one that is gone is told so', async t => {
  const [north, south] = (await startCluster(t, { env: { ROOMS: JSON.stringify([{ pattern: 'short', history: { size: 3 } }]) } })).pair()
  const alice = await join(t, north, 'alice')
  const { epoch } = await alice.subscribe('short')
  await publish(south, 'short', 1, 10)
  const bob = await join(t, south, 'bob')
  t.match(await bob.subscribe('short', { since: { epoch, offset: 10 } }), { recovered: true, publications: [] })
  await bob.unsubscribe('short')
  t.match(await bob.subscribe('short', { since: { epoch, offset: 6 } }), { recovered: false, publications: [] })
  await bob.unsubscribe('short')
  t.same(replayed(await bob.subscribe('short', { since: { epoch, offset: 7 } })), [8, 9, 10])
  await bob.unsubscribe('short')
  t.match(await bob.subscribe('short', { since: { epoch: 'another', offset: 7 } }), { recovered: false })
})

t.test('one frame resumes everything, before any message, and what left the lost connection out stays left out', async t => {
  const [north, south] = (await startCluster(t)).pair()
  const alice = await join(t, north, 'alice')
  const lobby = await alice.subscribe('lobby')
  const personal = alice.welcome.rooms.find(({ room }) => room === '$user:alice')
  await alice.close()
  await publish(south, 'lobby', 1, 2)
  await south.publish({ room: 'lobby', data: 'not for the lost one', except: alice.connectionId })
  await south.publish({ user: 'alice', data: 'for alice' })

  const back = await connect(t, {
    url: `${south.wsUrl}?resume=1`,
    token: token({ sub: 'alice', can: { subscribe: ['lobby'] } }),
    eager: [JSON.stringify({
      type: 'resume',
      connectionId: alice.connectionId,
      rooms: [
        { room: 'lobby', since: { epoch: lobby.epoch, offset: lobby.offset }, presence: true },
        { room: '$user:alice', since: { epoch: personal?.epoch, offset: personal?.offset } },
        { room: 'forbidden' }
      ]
    })]
  })
  const rooms = new Map(back.welcome.rooms.map(room => [room.room, room]))
  t.match(rooms.get('lobby'), { recovered: true, offset: 3, members: [{ userId: 'alice' }] })
  t.same(replayed(rooms.get('lobby') ?? {}), [1, 2])
  t.same(replayed(rooms.get('$user:alice') ?? {}), ['for alice'])
  t.notOk(rooms.has('forbidden'))
  t.match(await back.inbox.next('the refusal'), { type: 'error', room: 'forbidden', code: 'room_forbidden' })
  await publish(north, 'lobby', 4, 4)
  t.match(await back.inbox.next('what follows'), { type: 'message', data: 4, offset: 4 })
  back.send('{"type":"resume","id":"late","rooms":[]}')
  t.match(await back.inbox.next('the answer'), { type: 'error', id: 'late', code: 'request_invalid' }, 'a resume that comes late')
  await back.ping()
})

t.test('what leaves the lost connection out stays left out when it is published after the resume', async t => {
  const cluster = await startCluster(t)
  const [north, south] = cluster.pair()
  const [alice, bob] = [await join(t, north, 'alice'), await join(t, south, 'bob')]
  const { epoch, offset } = await alice.subscribe('lobby')
  await bob.subscribe('lobby')
  // The frame has reached the node, and the node does not know it yet.
  cluster.pause(north)
  alice.send('{"type":"publish","room":"lobby","data":"quiet","echo":false}')
  const resume = { type: 'resume', connectionId: alice.connectionId, rooms: [{ room: 'lobby', since: { epoch, offset } }] }
  const back = await connect(t, { url: `${south.wsUrl}?resume=1`, token: memberToken('alice'), eager: [JSON.stringify(resume)] })
  cluster.resume(north)
  t.match(await bob.inbox.next('the publication'), { data: 'quiet', offset: offset + 1 })
  for (const volatile of [false, true]) {
    await south.publish({ room: 'lobby', data: 'not for the lost one', except: alice.connectionId, volatile })
    await south.publish({ room: 'lobby', data: 'not for this one', except: back.connectionId, volatile })
  }
  await south.publish({ room: 'lobby', data: 'for all' })
  t.match(await back.inbox.next('what is for all'), { data: 'for all', offset: offset + 4 })
  await back.ping()
  t.same(back.inbox.drain(), [])
})

t.test('what a node missed while its subscriber was cut is read from the history, in order, with no gap', async t => {
  const cluster = await startCluster(t)
  const [north, south] = cluster.pair()
  const alice = await join(t, north, 'alice')
  await alice.subscribe('lobby')
  let published = 0
  for (let round = 0; round < 5; round++) {
    await publish(south, 'lobby', published + 1, published + 20)
    published += 20
    await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await publish(south, 'lobby', published + 1, published + 20)
    published += 20
  }
  t.same(await messages(alice, published), numbers(1, published))
})

t.test('what a node missed for so long that it reads it in pages arrives in order, each publication once', async t => {
  const cluster = await startCluster(t, { env: { ROOMS: JSON.stringify([{ pattern: 'lobby', history: { size: MISSED } }]) } })
  const [north, south] = cluster.pair()
  const alice = await join(t, south, 'alice')
  await alice.subscribe('lobby')
  cluster.pause(south)
  await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  for (let n = 1; n <= MISSED; n += 50) await Promise.all(numbers(n, n + 49).map(data => north.publish({ room: 'lobby', data })))
  cluster.resume(south)
  await ready(cluster)
  const offsets: number[] = []
  while (offsets.at(-1) !== MISSED) {
    const frame = await alice.inbox.next(`what follows ${offsets.at(-1) ?? 0}`)
    offsets.push(frame.type === 'message' ? frame.offset ?? NaN : NaN)
  }
  t.same(offsets, numbers(1, MISSED))
  t.same(await receivedBy(north, [alice]), [[]])
})

t.test('after Redis came back empty the subscribers are told, and publishing goes on under a new epoch', async t => {
  const cluster = await startCluster(t)
  const [north, south] = cluster.pair()
  const alice = await join(t, north, 'alice')
  const before = await alice.subscribe('lobby')
  await publish(south, 'lobby', 1, 3)
  t.same(await messages(alice, 3), [1, 2, 3])
  await cluster.redis.restart({ empty: true })
  await ready(cluster)
  await publish(south, 'lobby', 4, 5)
  const frames = await framesUntil(alice, frame => frame.type === 'message' && frame.data === 5)
  const gaps = frames.filter(frame => frame.type === 'gap').filter(({ room }) => room === 'lobby')
  t.equal(gaps.length, 1)
  t.not(gaps[0]?.epoch, before.epoch)
  const bob = await join(t, south, 'bob')
  t.match(await bob.subscribe('lobby', { since: { epoch: before.epoch, offset: 3 } }), { recovered: false })
})

t.test('history is read in pages, and deleted on every node', async t => {
  const [north, south] = (await startCluster(t)).pair()
  const alice = await join(t, north, 'alice')
  const { epoch } = await alice.subscribe('lobby')
  await publish(south, 'lobby', 1, 25)
  const page = await alice.history('lobby', { since: { epoch, offset: 5 }, limit: 10 })
  t.match(page, { epoch, offset: 25, more: true })
  t.same(replayed(page), numbers(6, 15))
  t.same(replayed(await alice.history('lobby', { limit: 3, reverse: true })), [25, 24, 23])
  await t.rejects(alice.history('lobby', { since: { epoch, offset: 26 } }), { code: 'history_unreachable' }, 'a position that nobody has reached')
  await t.rejects(alice.history('lobby', { since: { epoch: 'another', offset: 1 } }), { code: 'history_unreachable' })
  t.same(replayed((await north.get('/rooms/lobby/history')).body as object), numbers(1, 25))
  t.same(replayed((await north.get(`/rooms/lobby/history?epoch=${epoch}&offset=20&reverse=false`)).body as object), numbers(21, 25))
  t.match(await north.get('/rooms/lobby/history?epoch=another&offset=1'), { status: 410, body: { code: 'history_unreachable' } })
  for (const query of ['epoch=x', 'offset=1', 'limit=0', 'limit=1001', 'limit=two', 'lim=2', 'reverse=maybe']) {
    t.match(await north.get(`/rooms/lobby/history?${query}`), { status: 400, body: { code: 'request_invalid' } }, query)
  }
  const rest = await north.get('/rooms/lobby/history?limit=2')
  t.match(rest.body, { room: 'lobby', epoch, offset: 25, more: true, publications: [{ offset: 1, data: 1 }, { offset: 2, data: 2 }] })
  t.equal((await south.fetch('/rooms/lobby/history', { method: 'DELETE', headers: { authorization: `Bearer ${API_KEY}` } })).status, 204)
  await until('the history of the room', [], async () => replayed(await alice.history('lobby', {})))
  const bob = await join(t, north, 'bob')
  t.match(await bob.subscribe('lobby', { since: { epoch, offset: 20 } }), { recovered: false })
  t.match(await bob.publish('lobby', 'goes on'), { epoch, offset: 26 })
})

async function ready (cluster: Cluster): Promise<void> {
  for (const node of cluster.nodes) await until(`${node.name} ready`, 200, async () => (await node.get('/ready')).status, 10_000)
}

async function messages (client: TestClient, count: number): Promise<unknown[]> {
  const data: unknown[] = []
  while (data.length < count) {
    const frame = await client.inbox.next(`message ${data.length + 1}`)
    if (frame.type === 'gap') throw new Error(`a gap: ${JSON.stringify(frame)}`)
    if (frame.type === 'message') data.push(frame.data)
  }
  return data
}

async function framesUntil (client: TestClient, isLast: (frame: Frame) => boolean): Promise<Frame[]> {
  const frames: Frame[] = []
  for (;;) {
    const frame = await client.inbox.next('the last frame', 10_000)
    frames.push(frame)
    if (isLast(frame)) return frames
  }
}
