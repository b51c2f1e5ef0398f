import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy } from '../helpers/cluster.ts'
import { API_KEY, startServer, withKey, type Answer } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'

const READER_KEY = 'a-key-that-may-only-read-presence-0123456789'
const MAX_FRAME_BYTES = 65_536
const MAX_BODY_BYTES = 16 * MAX_FRAME_BYTES

const server = await startServer(t, { env: { API_KEYS: `tests:${API_KEY},reader:${READER_KEY}:presence:read` } })

interface Result {
  readonly statusCode: number
  readonly code?: string
  readonly message?: string
  readonly publications?: ReadonlyArray<{ readonly room: string, readonly offset: number, readonly duplicate: boolean }>
}

function post (body: unknown, headers = withKey(API_KEY)): Promise<Answer> {
  return server.post('/publish/batch', typeof body === 'string' ? body : JSON.stringify(body), headers)
}

/** The results of a batch that must be answered. */
async function resultsOf (publishes: readonly unknown[]): Promise<Result[]> {
  const { status, body, text } = await post({ publishes })
  if (status !== 200) throw new Error(`answered ${status}: ${text}`)
  return body['results'] as Result[]
}

/** A user in some rooms of the test's own. */
async function witness (t: Test): Promise<{ alice: TestClient, rooms: [string, string] }> {
  const alice = await connect(t, { url: server.wsUrl, token: memberToken('alice') })
  const rooms: [string, string] = [randomUUID(), randomUUID()]
  for (const room of rooms) await alice.subscribe(room)
  return { alice, rooms }
}

/** Room and data of all that a client received. */
async function received (client: TestClient): Promise<unknown[]> {
  const [frames = []] = await receivedBy(server, [client])
  return frames.map(frame => frame.type === 'message' ? [frame.room, frame.data] : frame)
}

t.test('a batch has a result for each publish, in order, whatever each is addressed to', async t => {
  const { alice, rooms: [a, b] } = await witness(t)
  const results = await resultsOf([
    { room: a, data: 1 }, { rooms: [b, a, b], data: 2 }, { user: 'alice', data: 3 }, { users: ['bob', 'alice'], data: 4 }, { everyone: true, data: 5 },
    { room: a, data: 6, except: alice.connectionId }, { room: a, data: 7, volatile: true }, { room: b, data: null, key: 'k' }
  ])
  t.ok(results.every(({ statusCode }) => statusCode === 200))
  t.match(results.map(({ publications }) => publications), [
    [{ room: a, offset: 1, duplicate: false }],
    [{ room: b, offset: 1 }, { room: a, offset: 2 }],
    [{ room: '$user:alice', user: 'alice', offset: 1 }],
    [{ room: '$user:bob', user: 'bob', offset: 1 }, { room: '$user:alice', user: 'alice', offset: 2 }],
    [{ room: '$all' }],
    [{ room: a, offset: 3 }],
    [{ room: a, epoch: undefined, offset: undefined, duplicate: false }],
    [{ room: b, offset: 2, duplicate: false }]
  ])
  t.same(results.map(({ publications }) => publications?.length), [1, 2, 1, 2, 1, 1, 1, 1])
  for (const result of results) t.same(Object.keys(result).sort(), ['publications', 'statusCode'])
  const all = await received(alice)
  const inRoom = (room: string): unknown[] => all.filter(one => Array.isArray(one) && one[0] === room).map(one => (one as unknown[])[1])
  t.same(inRoom(a), [1, 2, 7])
  t.same(inRoom(b), [2, null])
  t.same(inRoom('$user:alice'), [3, 4])
  t.same(inRoom('$all'), [5])
})

const shapes: unknown[] = [
  null, 5, 'a', [], {}, { room: 'a' }, { data: 1 }, { room: 5, data: 1 }, { room: null, data: 1 }, { room: 'a', data: 1, rom: 'a' }, { rooms: [], data: 1 },
  { room: 'a', user: 'b', data: 1 }, { everyone: false, data: 1 }, { room: 'a', data: 1, key: '' }, { room: 'a', data: 1, key: 'k'.repeat(256) },
  { room: 'a', data: 1, volatile: 1 }, { room: 'a', data: 1, except: 5 }, { rooms: Array.from({ length: 1_001 }, (_, index) => `${index}`), data: 1 },
  { room: '', data: 1 }, { room: 'x'.repeat(201), data: 1 }
]

t.test('what is wrong with one is told in its place, and the others happen', async t => {
  const { alice, rooms: [a, b] } = await witness(t)
  await resultsOf([{ room: b, data: 'used', key: 'k' }])
  const deep = JSON.parse('['.repeat(101) + ']'.repeat(101)) as unknown
  const wrong: Array<[statusCode: number, code: string, item: unknown]> = [
    ...shapes.map((item): [number, string, unknown] => [400, 'request_invalid', item]),
    [400, 'room_invalid', { room: 'a\n', data: 1 }],
    [400, 'room_invalid', { rooms: [a, 'a\u0000'], data: 1 }],
    [400, 'user_invalid', { user: 'ж'.repeat(65), data: 1 }],
    [403, 'room_forbidden', { room: '$user:alice', data: 1 }],
    [403, 'room_forbidden', { rooms: [a, '$all'], data: 1 }],
    [400, 'payload_invalid', { room: a, data: deep }],
    [413, 'payload_too_large', { room: a, data: 'x'.repeat(MAX_FRAME_BYTES - 1) }],
    [422, 'key_reused', { room: b, data: 'else', key: 'k' }],
    [422, 'key_reused', { rooms: [a, b], data: 'else', key: 'k' }]
  ]
  const results = await resultsOf(wrong.flatMap(([,, item], index) => [item, { room: a, data: index }]))
  t.equal(results.length, 2 * wrong.length)
  for (const [index, [statusCode, code, item]] of wrong.entries()) {
    const what = JSON.stringify(item).slice(0, 60)
    t.match(results[2 * index], { statusCode, code, error: /./, message: /./ }, what)
    t.same(Object.keys(results[2 * index] ?? {}).sort(), ['code', 'error', 'message', 'statusCode'], what)
    t.match(results[2 * index + 1], { statusCode: 200, publications: [{ room: a, offset: index + 1 }] }, `the one after ${what}`)
  }
  t.same(await received(alice), [[b, 'used'], ...wrong.map((_, index) => [a, index])])
})

t.test('data as large as a frame is published, from wherever it stands', async t => {
  const { alice, rooms: [a] } = await witness(t)
  const data = 'x'.repeat(MAX_FRAME_BYTES - 2)
  const results = await resultsOf([{ room: a, data: 1 }, { room: a, data }, { room: a, data: 3 }])
  t.same(results.map(({ statusCode }) => statusCode), [200, 200, 200])
  t.same(await received(alice), [[a, 1], [a, data], [a, 3]])
})

t.test('a key within a batch: the same again is a duplicate, something else is refused, in none or several rooms', async t => {
  const { alice, rooms: [a, b] } = await witness(t)
  const results = await resultsOf([
    { room: a, data: 'first', key: 'k' }, { room: a, data: 'first', key: 'k' }, { room: a, data: 'else', key: 'k' },
    { rooms: [a, b], data: 'else', key: 'k' }, { rooms: [a, b], data: 'first', key: 'k' }, { rooms: [b, a], data: 'else', key: 'k' }
  ])
  t.match(results, [
    { statusCode: 200, publications: [{ room: a, offset: 1, duplicate: false }] },
    { statusCode: 200, publications: [{ room: a, offset: 1, duplicate: true }] },
    { statusCode: 422, code: 'key_reused', publications: undefined },
    { statusCode: 422, code: 'key_reused', publications: undefined },
    { statusCode: 200, publications: [{ room: a, offset: 1, duplicate: true }, { room: b, offset: 1, duplicate: false }] },
    { statusCode: 422, code: 'key_reused', publications: undefined }
  ])
  t.same(await received(alice), [[a, 'first'], [b, 'first']])
})

t.test('the same batch again, where each has a key, publishes what is missing', async t => {
  const { alice, rooms: [a] } = await witness(t)
  const publishes = [1, 2, 3].map(data => ({ room: a, data, key: `${data}` }))
  await resultsOf(publishes.slice(0, 2))
  t.same((await resultsOf(publishes)).map(({ publications }) => publications?.[0]?.duplicate), [true, true, false])
  t.same(await received(alice), [[a, 1], [a, 2], [a, 3]])
})

t.test('a batch is refused as a whole where it is none, and nothing of it happens', async t => {
  const { alice, rooms: [a] } = await witness(t)
  const fine = { room: a, data: 1 }
  const wrong: unknown[] = [
    { publishes: [] }, { publishes: Array.from({ length: 1_001 }, () => fine) }, {}, [], [fine], null, { publishes: fine }, { publishes: null },
    { publishes: [fine], key: 'k' }, fine, 'no JSON', '', `{"publishes":[${JSON.stringify(fine)},{"room":"a","data":{"__proto__":1}}]}`
  ]
  for (const body of wrong) {
    const { status, body: error } = await post(body)
    t.equal(status, 400, JSON.stringify(body).slice(0, 60))
    t.match(error, { code: 'request_invalid', message: /./ })
  }
  for (const key of ['k', '', '"k"']) {
    const { status, body } = await post({ publishes: [fine] }, { ...withKey(API_KEY), 'idempotency-key': key })
    t.equal(status, 400, `an Idempotency-Key header ${JSON.stringify(key)}`)
    t.match(body, { code: 'request_invalid', message: /key/ })
  }
  t.same(await received(alice), [])
})

t.test('a batch of a thousand is done in order, and one that names ten thousand, but no more', async t => {
  const { alice, rooms: [a, b] } = await witness(t)
  const thousand = await resultsOf(Array.from({ length: 1_000 }, (_, data) => ({ room: a, data })))
  t.same(thousand.map(({ publications }) => publications?.[0]?.offset), Array.from({ length: 1_000 }, (_, index) => index + 1))
  t.same(await received(alice), Array.from({ length: 1_000 }, (_, data) => [a, data]))

  const names = Array.from({ length: 999 }, (_, index) => `${index}`)
  const nearly = Array.from({ length: 10 }, (_, index) => index % 2 === 0 ? { rooms: [...names, b], data: 0 } : { users: [...names, 'alice'], data: 0 })
  const tenThousand = await resultsOf(nearly)
  t.equal(tenThousand.reduce((sum, { publications }) => sum + (publications?.length ?? 0), 0), 10_000)
  t.equal((await received(alice)).length, 10)
  for (const target of [{ room: a }, { user: 'alice' }, { everyone: true }]) {
    const { status, body } = await post({ publishes: [...nearly, { ...target, data: 'too many' }] })
    t.equal(status, 400)
    t.match(body, { code: 'request_invalid', message: /10000/ })
  }
  t.same(await received(alice), [])
})

t.test('a body of sixteen frames is taken, one byte more is not', async t => {
  const { alice, rooms: [a] } = await witness(t)
  const body = (bytes: number): string => {
    const text = (first: number): string =>
      JSON.stringify({ publishes: Array.from({ length: 20 }, (_, index) => ({ room: a, data: 'x'.repeat(index === 0 ? first : 54_000) })) })
    return text(bytes - text(0).length)
  }
  const tooLarge = await post(body(MAX_BODY_BYTES + 1))
  t.equal(tooLarge.status, 413)
  t.match(tooLarge.body, { statusCode: 413, code: 'payload_too_large' })
  t.same(await received(alice), [])
  t.equal((await post(body(MAX_BODY_BYTES))).status, 200)
  t.equal((await received(alice)).length, 20)
})

t.test('a batch needs the scope that a publish needs', async t => {
  const { alice, rooms: [a] } = await witness(t)
  const batch = { publishes: [{ room: a, data: 'yes' }] }
  for (const [headers, status, code] of [
    [{}, 401, 'unauthorized'], [withKey(`${API_KEY}x`), 401, 'unauthorized'], [withKey(READER_KEY), 403, 'scope_forbidden'],
    [withKey(token({ scope: 'presence:read' })), 403, 'scope_forbidden']
  ] as const) {
    const answer = await post(batch, headers)
    t.equal(answer.status, status)
    t.match(answer.body, { statusCode: status, code })
  }
  t.same(await received(alice), [])
  t.equal((await post(batch, withKey(token({ scope: 'publish' })))).status, 200)
  t.same(await received(alice), [[a, 'yes']])
})

t.test('OpenAPI has it, with the header of a single publish and the statuses of both', async t => {
  const { paths } = (await server.get('/docs/json')).body as { paths: Record<string, { post: { parameters?: unknown, responses: object, requestBody: object } }> }
  t.match(paths['/publish/batch']?.post, { requestBody: { content: { 'application/json': { schema: { properties: { publishes: { maxItems: 1_000 } } } } } } })
  t.same(Object.keys(paths['/publish/batch']?.post.responses ?? {}), ['200', '400', '401', '403', '413', '415', '500', '503'])
  t.match(paths['/publish']?.post.parameters, [{ in: 'header', name: 'idempotency-key', required: false }])
  t.same(Object.keys(paths['/publish']?.post.responses ?? {}), ['200', '400', '401', '403', '413', '415', '422', '500', '503'])
})

t.end()
