import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { fillHistory } from '../helpers/fill-history.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const POLICY = { size: 3_000, ttlMs: 3_600_000 }
/** Publications of 60 kB: nine are more than half of the high-water mark. */
const LARGE = JSON.stringify('x'.repeat(60_000))
const COUNT = 1_000
const MAX_PAGE_BYTES = 524_288

const cluster = await startCluster(t, { nodes: 1, env: { ROOMS: JSON.stringify([{ pattern: '*', history: POLICY }]) } })
const [node] = cluster.nodes as [ServerProcess]
await fillHistory(cluster, 'large', POLICY, Array.from({ length: COUNT }, () => LARGE))

function join (t: Test, sub: string, resumed?: object): Promise<TestClient> {
  const eager = resumed === undefined ? [] : [JSON.stringify(resumed)]
  return connect(t, { url: node.wsUrl + (resumed === undefined ? '' : '?resume=1'), token: memberToken(sub), eager })
}

function range (from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

function offsetsOf ({ publications = [] }: { readonly publications?: ReadonlyArray<{ readonly offset: number }> | undefined }): number[] {
  return publications.map(({ offset }) => offset)
}

t.test('a page ends where it is large enough, and the next goes on, by frames and by REST', async t => {
  const client = await join(t, 'alice')
  const seen: number[] = []
  let since: { epoch: string, offset: number } | undefined
  for (let more = true; more;) {
    const page = await client.history('large', { limit: COUNT, ...since && { since } })
    if (JSON.stringify(page).length > MAX_PAGE_BYTES) t.fail(`a page of ${page.publications.length}`)
    seen.push(...offsetsOf(page))
    since = { epoch: page.epoch, offset: seen.at(-1) ?? 0 }
    more = page.more
  }
  t.same(seen, range(1, COUNT))
  const newest = await client.history('large', { reverse: true })
  t.same([offsetsOf(newest), newest.more], [range(COUNT - 7, COUNT).reverse(), true])
  const { body } = await node.get(`/rooms/large/history?limit=1000&epoch=${newest.epoch}&offset=10`)
  t.match(body, { more: true, offset: COUNT })
  t.same(offsetsOf(body as object), range(11, 18))
})

t.test('where publications are large, who missed a few gets them, and who missed too much is told so', async t => {
  const client = await join(t, 'alice')
  const { epoch } = await client.history('large', { limit: 1 })
  for (const { missed, recovered } of [{ missed: 5, recovered: true }, { missed: 20, recovered: false }, { missed: COUNT, recovered: false }]) {
    const reply = await client.subscribe('large', { since: { epoch, offset: COUNT - missed } })
    t.match(reply, { recovered, offset: COUNT })
    t.same(offsetsOf(reply), recovered ? range(COUNT - missed + 1, COUNT) : [])
    await client.unsubscribe('large')
  }
})

t.test('rooms that are resumed together share what may be sent at once: those that do not fit are told so, and can be paged', async t => {
  const alice = await join(t, 'alice')
  const names = ['one', 'two', 'three', 'four', 'five']
  const rooms = await Promise.all(names.map(async room => {
    const { epoch, offset } = await alice.subscribe(room)
    return { room, since: { epoch, offset } }
  }))
  await alice.close()
  for (const room of names) await fillHistory(cluster, room, POLICY, Array.from({ length: 5 }, () => LARGE))

  const back = await join(t, 'alice', { type: 'resume', rooms })
  const resumed = back.welcome.rooms.filter(({ room }) => names.includes(room))
  t.same(resumed.map(({ room }) => room).sort(), [...names].sort())
  t.same(resumed.map(({ recovered }) => recovered).sort(), [false, false, false, false, true])
  for (const { room, recovered, ...replay } of resumed) t.same(offsetsOf(replay), recovered === true ? range(1, 5) : [], room)
  for (const { room, since } of rooms) t.same(offsetsOf(await back.history(room, { since })), range(1, 5), `${room}, by a page`)
})

t.test('what a node missed reaches its subscribers once and in order, in however many pages it is read', async t => {
  const client = await join(t, 'alice')
  await client.subscribe('missed')
  const texts = range(1, 2_500).map(n => n % 500 === 0 ? LARGE : `${n}`)
  await Promise.all([cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub'), fillHistory(cluster, 'missed', POLICY, texts)])
  t.equal((await node.publish({ room: 'missed', data: 'last' })).status, 200)
  const seen: number[] = []
  while (seen.at(-1) !== texts.length + 1) {
    const frame = await client.inbox.next('what was missed', 10_000)
    if (frame.type !== 'message') t.fail(JSON.stringify(frame))
    else seen.push(frame.offset ?? NaN)
  }
  // Had a page been read twice, the second would have been answered before this question, and delivered before the pong.
  t.equal((await node.get('/rooms/missed/history?limit=1')).status, 200)
  await client.ping()
  for (const frame of client.inbox.drain()) if (frame.type === 'message') seen.push(frame.offset ?? NaN)
  t.same(seen, range(1, texts.length + 1))
})

t.end()
