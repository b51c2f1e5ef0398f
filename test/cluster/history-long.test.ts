import t, { type Test } from 'tap'
import { connect, type Frame, type TestClient } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { fillHistory } from '../helpers/fill-history.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const SIZE = 200_000
const PAGE = 1_000
/** Half of what may wait in one socket, and what is around the publications of a page. */
const MAX_PAGE_BYTES = 524_288 + 1_024
const POLICY = { size: SIZE, ttlMs: 3_600_000 }

interface Page {
  readonly epoch: string
  readonly offset: number
  readonly publications: ReadonlyArray<{ readonly offset: number, readonly data: number }>
  readonly more: boolean
}

const cluster = await startCluster(t, { nodes: 1, env: { ROOMS: JSON.stringify([{ pattern: 'long', history: POLICY }]) } })
const [node] = cluster.nodes as [ServerProcess]
// A tenth more than the room keeps: the oldest are gone.
await fillHistory(cluster, 'long', POLICY, Array.from({ length: SIZE + SIZE / 10 }, (_, index) => `${index + 1}`))
const FIRST = SIZE / 10 + 1
const LAST = SIZE + SIZE / 10

function join (t: Test, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub) })
}

async function getPage (t: Test, query: string): Promise<Page> {
  const { status, body, text } = await node.get(`/rooms/long/history?limit=${PAGE}${query}`)
  if (status !== 200) throw new Error(`a page was answered ${status}: ${text}`)
  if (Buffer.byteLength(text) > MAX_PAGE_BYTES) t.fail(`a page of ${Buffer.byteLength(text)} bytes`)
  return body as unknown as Page
}

/** Pages through everything, and answers the data in the order in which it came; offset and data of this room are the same. */
async function pageThrough (t: Test, next: (last: Page['publications'][number] | undefined) => Promise<Page>): Promise<number[]> {
  const all: number[] = []
  for (let last: Page['publications'][number] | undefined; ;) {
    const { publications, more, offset } = await next(last)
    if (publications.length > PAGE || offset !== LAST) t.fail(`a page of ${publications.length}, up to ${offset}`)
    for (const publication of publications) {
      if (publication.data !== publication.offset) t.fail(JSON.stringify(publication))
      all.push(publication.data)
    }
    last = publications.at(-1) ?? last
    if (!more) return all
  }
}

/** Whether numbers are all of a range, in order, each once; a failure of `t.same` would print them all. */
function isRange (numbers: readonly number[], from: number, to: number): boolean {
  const step = Math.sign(to - from)
  return numbers.length === Math.abs(to - from) + 1 && numbers.every((number, index) => number === from + index * step)
}

/** What Redis says of its reads of history since the last call. */
async function tellReads (t: Test, what: string): Promise<void> {
  const stats = await cluster.redis.command('INFO', 'commandstats') as string
  const slow = await cluster.redis.command('SLOWLOG', 'GET', '-1') as Array<[id: number, at: number, usec: number]>
  const each = ['xrange', 'xrevrange', 'evalsha'].map(name => {
    const [, calls = 0, usec = 0] = new RegExp(`cmdstat_${name}:calls=(\\d+),.*usec_per_call=([\\d.]+)`).exec(stats) ?? []
    return `${name} ${calls} times, ${usec} µs each`
  })
  t.comment(`${what}: ${each.join('; ')}; slower than 1 ms: ${slow.length}, the slowest ${Math.max(0, ...slow.map(([, , usec]) => usec))} µs`)
  await cluster.redis.command('CONFIG', 'RESETSTAT')
  await cluster.redis.command('SLOWLOG', 'RESET')
}

t.before(async () => {
  await cluster.redis.command('CONFIG', 'SET', 'slowlog-log-slower-than', '1000')
  await cluster.redis.command('CONFIG', 'RESETSTAT')
  await cluster.redis.command('SLOWLOG', 'RESET')
})

t.test(`${SIZE} publications are paged through by REST, each once and in order, and a neighbour gets its own meanwhile`, async t => {
  const neighbour = await join(t, 'neighbour')
  await neighbour.subscribe('small')
  const over = new AbortController()
  let published = 0
  const publishing = (async () => {
    while (!over.signal.aborted) t.equal((await node.publish({ room: 'small', data: ++published })).status, 200)
  })()
  const { epoch } = await getPage(t, '')
  const after = (query: string) => (last: Page['publications'][number] | undefined): Promise<Page> =>
    getPage(t, query + (last === undefined ? '' : `&epoch=${epoch}&offset=${last.offset}`))
  t.ok(isRange(await pageThrough(t, after('')), FIRST, LAST), 'forwards')
  await tellReads(t, 'forwards')
  t.ok(isRange(await pageThrough(t, after('&reverse=true')), LAST, FIRST), 'in reverse')
  await tellReads(t, 'in reverse')
  for (const offset of [0, 1, FIRST]) {
    const { publications, more } = await getPage(t, `&reverse=true&epoch=${epoch}&offset=${offset}`)
    t.same([publications, more], [[], false], `nothing is before ${offset}`)
  }
  over.abort()
  await publishing
  const seen: unknown[] = []
  while (seen.length < published) {
    const frame = await neighbour.inbox.next(`message ${seen.length + 1}`)
    seen.push(frame.type === 'message' ? frame.data : frame)
  }
  t.same(seen, Array.from({ length: published }, (_, index) => index + 1), 'the neighbour')
})

t.test('who asks for more than a page is told so, and a neighbour is not concerned', async t => {
  const neighbour = await join(t, 'neighbour')
  for (const limit of [PAGE + 1, SIZE, 2 ** 53]) {
    t.match(await node.get(`/rooms/long/history?limit=${limit}`), {
      status: 400, body: { code: 'request_invalid', message: /limit.*1000/ }
    }, `${limit}`)
    const client = await join(t, 'greedy')
    await t.rejects(client.history('long', { limit }), { code: 'frame_invalid', message: /"limit".*1000/ })
    t.match(await client.closed, { code: 4400 }, 'as after any frame of another shape than the documented one')
  }
  t.equal((await neighbour.history('long', { limit: PAGE })).publications.length, PAGE)
})

t.test('who is too far behind is told so, pages through all of it by frames, and misses nothing of what follows', async t => {
  const client = await join(t, 'returning')
  const { epoch } = await client.history('long', { limit: 1 })
  const behind = (count: number): { since: { epoch: string, offset: number } } => ({ since: { epoch, offset: LAST - count } })
  // The first to come finds no tail, the others find one, which is no longer than what may be replayed.
  for (const count of [LAST, SIZE, PAGE + 1, LAST - 1]) {
    t.match(await client.subscribe('long', behind(count)), { recovered: false, publications: [], offset: LAST }, `${count}`)
    await client.unsubscribe('long')
  }
  const near = await client.subscribe('long', behind(PAGE))
  t.equal(near.recovered, true)
  t.ok(isRange(near.publications?.map(({ offset }) => offset) ?? [], LAST - PAGE + 1, LAST))
  await client.unsubscribe('long')

  const { offset } = await client.subscribe('long', behind(SIZE))
  const pages = pageThrough(t, last => client.history('long', { limit: PAGE, since: { epoch, offset: last?.offset ?? LAST - SIZE } }) as unknown as Promise<Page>)
  t.ok(isRange(await pages, FIRST, offset), 'everything up to where the subscription began')
  await tellReads(t, 'by frames')
  t.equal((await node.publish({ room: 'long', data: 'live' })).status, 200)
  t.match(await client.inbox.next('what follows'), { type: 'message', offset: offset + 1, data: 'live' } satisfies Partial<Frame>)
})

t.test('a tail that has grown with the room is no longer than what may be replayed', async t => {
  const watcher = await join(t, 'watcher')
  const { epoch, offset } = await watcher.subscribe('long')
  await fillHistory(cluster, 'long', POLICY, Array.from({ length: 3 * PAGE }, () => '0'))
  for (let seen = offset; seen < offset + 3 * PAGE;) {
    const frame = await watcher.inbox.next('what was published')
    if (frame.type === 'message') seen = frame.offset ?? NaN
  }
  const client = await join(t, 'returning')
  t.match(await client.subscribe('long', { since: { epoch, offset } }), { recovered: false, publications: [] })
  await client.unsubscribe('long')
  t.match(await client.subscribe('long', { since: { epoch, offset: offset + 2 * PAGE } }), { recovered: true, publications: { length: PAGE } })
})

t.end()
