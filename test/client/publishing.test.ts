import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import type { ClientOptions, Published, RoomcastClient, RoomHandle } from '../../client/index.ts'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { within } from '../helpers/within.ts'
import { connectClient, messagesOf, nextState } from './library-client.ts'
import { Faults, randomFrom } from './publish-faults.ts'
import { portOf, startProxy, type TcpProxy } from './tcp-proxy.ts'

const ROUNDS = 40
const SETTLED_MS = 30_000
/** Another seed makes other moments; a failure names the one that it had. */
const SEED = Number(process.env['SEED'] ?? 20_261_125)

const cluster = await startCluster(t)
const [north, south] = cluster.pair()

interface Scene {
  readonly proxy: TcpProxy
  readonly client: RoomcastClient
  readonly room: RoomHandle<number>
  /** In the room at the other node. */
  readonly bob: TestClient
}

/** A client behind a proxy, a room of the test's own, and who sees all that is published in it. */
async function scene (t: Test, options: Partial<ClientOptions> = {}): Promise<Scene> {
  const proxy = await startProxy(t, north.url)
  const client = await connectClient(t, proxy.wsUrl, options)
  const bob = await connect(t, { url: south.wsUrl, token: memberToken('bob') })
  const room = client.room<number>(randomUUID())
  await bob.subscribe(room.name)
  return { proxy, client, room, bob }
}

/** Cuts the client off, and lets it through again to a node. */
async function reconnect ({ client, proxy }: Scene, node: ServerProcess): Promise<void> {
  const [away, back] = [nextState(client, 'waiting'), nextState(client, 'open')]
  proxy.cut()
  await away
  proxy.heal(portOf(node.url))
  await back
}

/** Data and offset of what one has received in a room. */
async function received (client: TestClient, room: string): Promise<unknown[]> {
  const [frames = []] = await receivedBy(south, [client])
  return frames.flatMap(frame => frame.type === 'message' && frame.room === room ? [[frame.data, frame.offset]] : [])
}

function settled (promises: ReadonlyArray<Promise<Published>>): Promise<Published[]> {
  return within('answer to each publish', SETTLED_MS, Promise.all(promises))
}

t.test('a publish retried with the same key across a killed connection: one publication', async t => {
  for (const node of [north, south]) {
    const all = await scene(t)
    const published = all.room.publish(0)
    all.proxy.hush()
    t.match(await all.bob.inbox.next('the publication'), { data: 0, offset: 1 })
    await reconnect(all, node)
    t.match(await published, { epoch: /./, offset: 1, duplicate: true }, 'the answer tells the position, and that it was there before')
    t.same(await received(all.bob, all.room.name), [])
  }
})

t.test('a publish that its node has not read when the connection is lost is published once, by whichever node is first', async t => {
  const all = await scene(t)
  cluster.pause(north)
  const promises = [0, 1, 2].map(data => all.room.publish(data))
  await reconnect(all, south)
  cluster.resume(north)
  t.same((await settled(promises)).map(({ offset }) => offset), [1, 2, 3])
  await north.publish({ room: all.room.name, data: 3 })
  t.same(await received(all.bob, all.room.name), [[0, 1], [1, 2], [2, 3], [3, 4]])
})

t.test(`publishes whose connection is cut at any moment, ${ROUNDS} times, are each published once and in order`, async t => {
  const all = await scene(t, { publishTimeoutMs: SETTLED_MS, maxQueued: 1_000 })
  const random = randomFrom(SEED)
  const faults = new Faults({ ...all, cluster, random })
  const promises: Array<Promise<Published>> = []
  for (let round = 0; round < ROUNDS; round++) {
    await faults.next(promises, () => { promises.push(all.room.publish(promises.length)) })
  }
  const published = await settled(promises)
  t.same(published.map(({ offset }) => offset), promises.map((_, index) => index + 1), `positions, with seed ${SEED}`)
  t.same(await received(all.bob, all.room.name), promises.map((_, index) => [index, index + 1]), `what another received, with seed ${SEED}`)
  const duplicates = published.filter(({ duplicate }) => duplicate === true).length
  t.ok(duplicates > 0, 'of some the first answer was lost')
  t.comment(`${promises.length} publishes, ${duplicates} answered as duplicates; ${faults.summary}`)
})

t.test('with echo:false the client gets no copy, whichever connection published it', async t => {
  const all = await scene(t, { publishTimeoutMs: SETTLED_MS, maxQueued: 1_000 })
  const { room, client } = all
  const seen = messagesOf(room)
  await room.subscribe()
  const second = await connectClient(t, south.wsUrl)
  const seenBySecond = messagesOf(second.room<number>(room.name))
  await second.room(room.name).subscribe()
  const faults = new Faults({ ...all, cluster, random: randomFrom(SEED) })
  const promises: Array<Promise<Published>> = []
  for (let round = 0; round < ROUNDS / 2; round++) {
    await faults.next(promises, () => { promises.push(room.publish(promises.length, { echo: false })) })
    await settled(promises)
  }
  await south.publish({ room: room.name, data: -1 })
  t.equal(await seen.next('the barrier'), -1, `nothing of its own, with seed ${SEED}`)
  for (let index = 0; index < promises.length; index++) t.equal(await seenBySecond.next('a message'), index)
  t.equal(await seenBySecond.next('the barrier'), -1)
  t.equal(client.state, 'open')
})

t.test('a publish that was sent and is not answered in time may have happened, and can be sent again under its key', async t => {
  const all = await scene(t, { publishTimeoutMs: 500 })
  const { proxy, room, client, bob } = all
  proxy.hush()
  await t.rejects(room.publish(0, { key: 'mine' }), { code: 'outcome_unknown' }, 'while the connection stood')
  t.match(await bob.inbox.next('the publication'), { data: 0 })
  const [away, lost] = [nextState(client, 'waiting'), t.rejects(room.publish(1, { key: 'mine-2' }), { code: 'outcome_unknown' }, 'whose connection was lost')]
  proxy.cut()
  await away
  await t.rejects(room.publish(2), { code: 'timeout' }, 'what was never sent did not happen')
  await lost
  const back = nextState(client, 'open')
  proxy.heal(portOf(south.url))
  await back
  t.match(await room.publish(0, { key: 'mine' }), { offset: 1, duplicate: true })
  await room.publish(1, { key: 'mine-2' })
  t.same((await received(bob, room.name)).map(one => (one as unknown[])[0]), [1])
})

t.test('a client that is closed leaves what it sent unknown, and says of the rest that it did not happen', async t => {
  const { proxy, room, client, bob } = await scene(t)
  proxy.hush()
  const sent = t.rejects(room.publish(0), { code: 'outcome_unknown' })
  await bob.inbox.next('the publication')
  const away = nextState(client, 'waiting')
  proxy.cut()
  await away
  const queued = t.rejects(room.publish(1), { code: 'closed' })
  client.close()
  await Promise.all([sent, queued])
  proxy.heal()
  await client.connect()
  t.same(await received(bob, room.name), [])
})

t.test('a key of the application\'s own is the same in every client of the user, and stands for one content', async t => {
  const [one, other] = [await scene(t), await connectClient(t, south.wsUrl)]
  const { room, bob } = one
  const stranger = (await connectClient(t, south.wsUrl, { getToken: () => memberToken('carol') })).room<number>(room.name)
  t.match(await room.publish(1, { key: 'order-7' }), { offset: 1, duplicate: undefined })
  t.match(await other.room(room.name).publish(1, { key: 'order-7' }), { offset: 1, duplicate: true })
  for (const [data, options] of [[2, {}], [1, { echo: false }], [1, { volatile: true }]] as const) {
    await t.rejects(other.room(room.name).publish(data, { key: 'order-7', ...options }), { code: 'key_reused' })
  }
  t.match(await stranger.publish(2, { key: 'order-7' }), { offset: 2, duplicate: undefined })
  for (const key of ['', 'k'.repeat(256)]) await t.rejects(room.publish(3, { key }), { code: 'request_invalid' })
  t.match(await room.publish(3, { key: 'k'.repeat(255) }), { offset: 3 }, 'and the connection lives on')
  t.same(await received(bob, room.name), [[1, 1], [2, 2], [3, 3]])
})

t.test('volatile messages reach listeners, have no offset, and do not move the position', async t => {
  const all = await scene(t)
  const { room } = all
  const seen: unknown[] = []
  room.on('message', message => { seen.push([message.data, message.offset]); t.equal('offset' in message, message.offset !== undefined) })
  room.on('gap', () => { t.fail('a gap') })
  const { epoch } = await room.subscribe()
  t.same(await room.publish(1, { volatile: true }), {})
  t.same(room.position, { epoch, offset: 0 })
  t.same(await room.publish(2), { epoch, offset: 1 })
  await south.publish({ room: room.name, data: 3, volatile: true })
  const barrier = messagesOf(all.client.room('$all'))
  await receivedBy(south, [all.bob])
  await barrier.next('the barrier')
  t.same(seen, [[1, undefined], [2, 1], [3, undefined]])
  t.same(room.position, { epoch, offset: 1 })

  const away = nextState(all.client, 'waiting')
  all.proxy.cut()
  await away
  for (const [data, volatile] of [[4, true], [5, false], [6, true]] as const) await south.publish({ room: room.name, data, volatile })
  const back = nextState(all.client, 'open')
  all.proxy.heal()
  await back
  t.same(await room.publish(7, { volatile: true, key: 'k' }), {})
  t.same(await room.publish(7, { volatile: true, key: 'k' }), { duplicate: true })
  t.same(await room.publish(8), { epoch, offset: 3 })
  await receivedBy(south, [all.bob])
  await barrier.next('the barrier')
  t.same(seen.slice(3), [[5, 2], [7, undefined], [8, 3]])
})

t.test('what waits again is kept beyond the bound, and new publishes are refused until there is room', async t => {
  const all = await scene(t, { maxQueued: 3 })
  const { room, proxy, client, bob } = all
  proxy.hush()
  const promises = Array.from({ length: 10 }, (_, index) => room.publish(index))
  const away = nextState(client, 'waiting')
  proxy.cut()
  await away
  await t.rejects(room.publish(10), { code: 'queue_full' })
  const back = nextState(client, 'open')
  proxy.heal()
  await back
  promises.push(room.publish(10))
  t.same((await settled(promises)).map(({ offset }) => offset), promises.map((_, index) => index + 1))
  t.same(await received(bob, room.name), promises.map((_, index) => [index, index + 1]))
})

t.end()
