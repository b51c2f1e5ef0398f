import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy } from '../helpers/cluster.ts'
import { API_KEY, startServer, withKey, type Answer, type PublishBody } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'

const ORDERS_KEY = 'the-key-of-the-orders-service-0123456789'
const NEXT_ORDERS_KEY = 'the-next-key-of-the-orders-service-0123456789'
const BILLING_KEY = 'the-key-of-the-billing-service-0123456789'
const LONGEST = 'k'.repeat(255)

const server = await startServer(t, {
  env: { API_KEYS: `tests:${API_KEY},orders:${ORDERS_KEY},orders:${NEXT_ORDERS_KEY},billing:${BILLING_KEY}` }
})

interface Sending {
  /** The `Idempotency-Key` header, as it is sent. */
  readonly header?: string
  /** Who publishes: an API key or a token. */
  readonly as?: string
}

/** Publishes as a backend does. */
function publish (body: Partial<PublishBody>, { header, as = API_KEY }: Sending = {}): Promise<Answer> {
  return server.post('/publish', JSON.stringify(body), { ...withKey(as), ...header !== undefined && { 'idempotency-key': header } })
}

/** Where the one publication of a publish stands, and whether it was there before. */
function outcome ({ status, body, text }: Answer): { offset: unknown, duplicate: unknown } {
  const [publication] = body['publications'] as [Record<string, unknown>] ?? []
  if (status !== 200 || publication === undefined) throw new Error(`answered ${status}: ${text}`)
  return { offset: publication['offset'], duplicate: publication['duplicate'] }
}

/** A user in a room of the test's own. */
async function witness (t: Test): Promise<{ room: string, alice: TestClient }> {
  const alice = await connect(t, { url: server.wsUrl, token: memberToken('alice') })
  const room = randomUUID()
  await alice.subscribe(room)
  return { room, alice }
}

/** The data of all that a client received. */
async function dataOf (client: TestClient): Promise<unknown[]> {
  const [frames = []] = await receivedBy(server, [client])
  return frames.map(frame => frame.type === 'message' ? frame.data : frame)
}

const places: Array<[what: string, body: { key?: string }, sending: Sending]> = [
  ['in the body', { key: 'k-1' }, {}],
  ['in the header', {}, { header: 'k-1' }],
  ['in the header, quoted', {}, { header: '"k-1"' }],
  ['in both', { key: 'k-1' }, { header: 'k-1' }],
  ['in both, quoted in the header', { key: 'k-1' }, { header: '"k-1"' }]
]

t.test('a key is the same key wherever it stands', async t => {
  const { room, alice } = await witness(t)
  t.same(outcome(await publish({ room, data: 'once', key: 'k-1' })), { offset: 1, duplicate: false })
  for (const [what, body, sending] of places) {
    t.same(outcome(await publish({ room, data: 'once', ...body }, sending)), { offset: 1, duplicate: true }, what)
  }
  t.same(await dataOf(alice), ['once'])
})

t.test('wherever it stands first, it is remembered', async t => {
  for (const [what, body, sending] of places) {
    const { room, alice } = await witness(t)
    t.same(outcome(await publish({ room, data: 'once', ...body }, sending)), { offset: 1, duplicate: false }, what)
    t.same(outcome(await publish({ room, data: 'once', key: 'k-1' })), { offset: 1, duplicate: true }, what)
    t.same(await dataOf(alice), ['once'], what)
  }
})

const noKeys: Array<[what: string, body: object, sending: Sending]> = [
  ['one in the header and another in the body', { key: 'k-1' }, { header: 'k-2' }],
  ['one in the header, quoted, and another in the body', { key: 'k-1' }, { header: '"k-2"' }],
  ['an empty one', { key: '' }, {}],
  ['an empty header', {}, { header: '' }],
  ['an empty quoted header', {}, { header: '""' }],
  ['256 characters', { key: `${LONGEST}k` }, {}],
  ['256 characters in the header', {}, { header: `${LONGEST}k` }],
  ['no string', { key: 7 }, {}],
  ['null', { key: null }, {}]
]

t.test('what is no key is refused, and nothing is published', async t => {
  const { room, alice } = await witness(t)
  for (const [what, body, sending] of noKeys) {
    const { status, body: error } = await publish({ room, data: what, ...body }, sending)
    t.equal(status, 400, what)
    t.match(error, { statusCode: 400, code: 'request_invalid', message: /key/ }, what)
  }
  t.same(await dataOf(alice), [])
})

t.test('a key of 1 and one of 255 characters are keys, whatever they hold', async t => {
  const { room, alice } = await witness(t)
  const keys = ['k', LONGEST, ' ', '{}', '"', 'a:b', 'ключ 🔑', '\u0000']
  for (const [index, key] of keys.entries()) {
    for (const duplicate of [false, true]) {
      t.same(outcome(await publish({ room, data: index, key })), { offset: index + 1, duplicate }, JSON.stringify(key).slice(0, 20))
    }
  }
  t.same(outcome(await publish({ room, data: 1 }, { header: LONGEST })), { offset: 2, duplicate: true })
  t.same(await dataOf(alice), keys.map((_, index) => index))
})

t.test('something else under the same key is refused and published nowhere, and the key stands for the first', async t => {
  const { room, alice } = await witness(t)
  await publish({ room, data: 'first', key: 'k-1' })
  const others: Array<Partial<PublishBody>> = [
    { data: 'second' }, { data: null }, { data: 'first', except: alice.connectionId }, { data: 'first', volatile: true }, { data: ['first'] }
  ]
  for (const other of others) {
    const { status, body } = await publish({ room, key: 'k-1', ...other })
    t.equal(status, 422, JSON.stringify(other))
    t.match(body, { statusCode: 422, code: 'key_reused', error: 'Unprocessable Entity', message: /key/ })
  }
  t.same(outcome(await publish({ room, data: 'first', key: 'k-1' })), { offset: 1, duplicate: true })
  t.same(await dataOf(alice), ['first'])
})

t.test('volatile:false says what saying nothing says', async t => {
  const { room, alice } = await witness(t)
  await publish({ room, data: 'first', key: 'k-1' })
  t.same(outcome(await publish({ room, data: 'first', key: 'k-1', volatile: false })), { offset: 1, duplicate: true })
  t.same(await dataOf(alice), ['first'])
})

t.test('a key says nothing in another room, and without one the same is published twice', async t => {
  const { room, alice } = await witness(t)
  const { room: other } = await witness(t)
  await publish({ room, data: 'first', key: 'k-1' })
  t.same(outcome(await publish({ room: other, data: 'second', key: 'k-1' })), { offset: 1, duplicate: false })
  for (const offset of [2, 3]) t.same(outcome(await publish({ room, data: 'first' })), { offset, duplicate: false })
  t.same(await dataOf(alice), ['first', 'first', 'first'])
})

t.test('keys of different publishers never meet, also where their names are the same', async t => {
  const { room, alice } = await witness(t)
  const orders = await connect(t, { url: server.wsUrl, token: memberToken('orders') })
  const callers: Array<[who: string, publish: (data: string) => Promise<{ offset: unknown, duplicate: unknown }>]> = [
    ['an API key', async data => outcome(await publish({ room, data, key: 'k-1' }, { as: ORDERS_KEY }))],
    ['another API key', async data => outcome(await publish({ room, data, key: 'k-1' }, { as: BILLING_KEY }))],
    ['a token', async data => outcome(await publish({ room, data, key: 'k-1' }, { as: token({ sub: 'orders', scope: 'publish' }) }))],
    ['the token of another user', async data => outcome(await publish({ room, data, key: 'k-1' }, { as: token({ sub: 'billing', scope: 'publish' }) }))],
    ['a connection', async data => {
      const { offset, duplicate = false } = await orders.publish(room, data, { key: 'k-1' })
      return { offset, duplicate }
    }]
  ]
  for (const duplicate of [false, true]) {
    for (const [index, [who, publishAs]] of callers.entries()) {
      t.same(await publishAs(who), { offset: index + 1, duplicate }, who)
    }
  }
  t.same(await dataOf(alice), callers.map(([who]) => who))
})

t.test('a publisher\'s keys outlive the change of its API key or token', async t => {
  const { room, alice } = await witness(t)
  const [first, second] = ['1', '2'].map(jti => token({ sub: 'orders', scope: 'publish', jti }))
  for (const [data, before, after] of [['by API key', ORDERS_KEY, NEXT_ORDERS_KEY], ['by token', first, second]] as const) {
    if (before === undefined || after === undefined) throw new Error('a credential is missing')
    const { offset } = outcome(await publish({ room, data, key: data }, { as: before }))
    t.same(outcome(await publish({ room, data, key: data }, { as: after })), { offset, duplicate: true }, data)
    t.equal((await publish({ room, data: 'else', key: data }, { as: after })).body['code'], 'key_reused', data)
  }
  t.same(await dataOf(alice), ['by API key', 'by token'])
})

t.end()
