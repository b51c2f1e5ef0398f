import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy } from '../helpers/cluster.ts'
import { API_KEY, startServer, withKey, type Answer } from '../helpers/server-process.ts'
import { memberToken, secondsFromNow, token } from '../helpers/token.ts'

const READER_KEY = 'a-key-that-may-only-read-presence-0123456789'
const PUBLISHER_KEY = 'a-key-that-may-only-publish-0123456789abcdef'
const MAX_BODY_BYTES = 65_536

const server = await startServer(t, {
  env: { API_KEYS: `tests:${API_KEY},reader:${READER_KEY}:presence:read,publisher:${PUBLISHER_KEY}:publish` }
})

/** alice, in every room that a coerced or repaired body could reach. */
async function witness (t: Test) {
  const alice = await connect(t, { url: server.wsUrl, token: memberToken('alice') })
  for (const room of ['lobby', 'a', 'b', '5', 'null', 'true', '[object Object]']) await alice.subscribe(room)
  return alice
}

function isRefusal (t: Test, { status, body }: Answer, wanted: { status: number, code: string }, what: string): void {
  t.equal(status, wanted.status, `${what}: ${wanted.status}`)
  t.match(body, { statusCode: wanted.status, code: wanted.code, error: /\w/, message: /\w/ }, `${what}: ${wanted.code}`)
  t.same(Object.keys(body).sort(), ['code', 'error', 'message', 'statusCode'], `${what}: the one error body`)
}

const shapes: unknown[] = [
  { room: null, data: 1 }, { room: 5, data: 1 }, { room: true, data: 1 }, { room: ['a'], data: 1 }, { room: {}, data: 1 },
  { rooms: 'a', data: 1 }, { rooms: ['a', 5], data: 1 }, { rooms: ['a', null], data: 1 }, { rooms: [], data: 1 }, { rooms: null, data: 1 },
  { rooms: Array.from({ length: 1_001 }, (_, index) => `${index}`), data: 1 },
  { user: 5, data: 1 }, { user: null, data: 1 }, { user: ['alice'], data: 1 }, { users: 'alice', data: 1 }, { users: [], data: 1 },
  { users: [null], data: 1 }, { everyone: false, data: 1 }, { everyone: 'true', data: 1 }, { everyone: 1, data: 1 }, { everyone: null, data: 1 },
  { room: 'a', data: 1, rom: 'a' }, { room: 'a', data: 1, Room: 'b' }, { room: 'a', data: 1, except: 5 }, { room: 'a', data: 1, except: null },
  { data: 1 }, { room: 'a' }, {}, [], [{ room: 'a', data: 1 }], null, 'a', 5,
  { room: 'a', rooms: ['b'], data: 1 }, { room: 'a', user: 'alice', data: 1 }, { room: 'a', everyone: true, data: 1 },
  { users: ['alice'], everyone: true, data: 1 }
]

t.test('P50: a body of the wrong shape is refused, never repaired, and reaches nobody', async t => {
  const alice = await witness(t)
  for (const body of shapes) {
    const text = JSON.stringify(body)
    isRefusal(t, await server.post('/publish', text), { status: 400, code: 'request_invalid' }, text.slice(0, 60))
  }
  t.same(await receivedBy(server, [alice]), [[]])
})

const texts: Record<string, string> = {
  'no JSON': '{"room":"a",',
  'an empty body': '',
  'a key __proto__': '{"room":"a","data":1,"__proto__":{"admin":true}}',
  'a key __proto__ within the data': '{"room":"a","data":{"x":{"__proto__":{"admin":true}}}}',
  'a constructor that would poison': '{"room":"a","data":{"constructor":{"prototype":{"admin":true}}}}'
}

t.test('P16, P50: a body that is no JSON, or would poison objects, is refused and reaches nobody', async t => {
  const alice = await witness(t)
  for (const [what, text] of Object.entries(texts)) {
    isRefusal(t, await server.post('/publish', text), { status: 400, code: 'request_invalid' }, what)
  }
  const deep = `{"room":"a","data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
  isRefusal(t, await server.post('/publish', deep), { status: 400, code: 'payload_invalid' }, 'nested deeply')
  t.same(await receivedBy(server, [alice]), [[]])
})

const names: Array<{ body: object, status: number, code: string }> = [
  { body: { room: 'x'.repeat(201) }, status: 400, code: 'request_invalid' },
  { body: { room: '' }, status: 400, code: 'request_invalid' },
  { body: { room: 'ж'.repeat(101) }, status: 400, code: 'room_invalid' },
  { body: { room: 'a\u0000' }, status: 400, code: 'room_invalid' },
  { body: { room: 'a\n' }, status: 400, code: 'room_invalid' },
  { body: { room: '\ud800' }, status: 400, code: 'room_invalid' },
  { body: { rooms: ['a', 'b\u007f'] }, status: 400, code: 'room_invalid' },
  { body: { user: 'ж'.repeat(65) }, status: 400, code: 'user_invalid' },
  { body: { user: 'alice\u0000' }, status: 400, code: 'user_invalid' },
  { body: { users: ['alice', '\udc00'] }, status: 400, code: 'user_invalid' },
  { body: { room: '$user:alice' }, status: 403, code: 'room_forbidden' },
  { body: { room: '$all' }, status: 403, code: 'room_forbidden' },
  { body: { rooms: ['a', '$control'] }, status: 403, code: 'room_forbidden' }
]

t.test('a name that cannot be one is refused, and with it the names beside it', async t => {
  const alice = await witness(t)
  for (const { body, ...wanted } of names) {
    isRefusal(t, await server.post('/publish', JSON.stringify({ ...body, data: 1 })), wanted, JSON.stringify(body).slice(0, 40))
  }
  t.same(await receivedBy(server, [alice]), [[]])
})

t.test('P14: a body beyond the limit is refused with 413, one at the limit is delivered', async t => {
  const alice = await witness(t)
  const frame = (bytes: number) => JSON.stringify({ room: 'a', data: 'x'.repeat(bytes - '{"room":"a","data":""}'.length) })
  isRefusal(t, await server.post('/publish', frame(MAX_BODY_BYTES + 1)), { status: 413, code: 'payload_too_large' }, 'one byte too many')
  t.equal((await server.post('/publish', frame(MAX_BODY_BYTES))).status, 200)
  const [received = []] = await receivedBy(server, [alice])
  t.equal(received.length, 1)
})

t.test('a body that does not say that it is JSON is refused with 415', async t => {
  const alice = await witness(t)
  const body = JSON.stringify({ room: 'a', data: 1 })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense']) {
    const answer = await server.post('/publish', body, { ...withKey(API_KEY), 'content-type': type })
    isRefusal(t, answer, { status: 415, code: 'media_type_unsupported' }, type)
  }
  t.same(await receivedBy(server, [alice]), [[]])
})

t.test('who has no credential is unknown, who lacks the scope is refused, and nobody gets anything', async t => {
  const alice = await witness(t)
  const body = JSON.stringify({ room: 'a', data: 1 })
  const unauthorized = { status: 401, code: 'unauthorized' }
  const forbidden = { status: 403, code: 'scope_forbidden' }
  isRefusal(t, await server.post('/publish', body, {}), unauthorized, 'no key')
  isRefusal(t, await server.post('/publish', body, { authorization: 'Bearer' }), unauthorized, 'Bearer alone')
  isRefusal(t, await server.post('/publish', body, { authorization: API_KEY }), unauthorized, 'a key without its scheme')
  for (const key of [`${API_KEY}x`, API_KEY.slice(0, -1), API_KEY.toUpperCase()]) {
    isRefusal(t, await server.post('/publish', body, withKey(key)), unauthorized, 'a wrong key')
  }
  isRefusal(t, await server.post('/publish', body, withKey(READER_KEY)), forbidden, 'a key without the scope')
  isRefusal(t, await server.post('/publish', 'no JSON', withKey(READER_KEY)), forbidden, 'the body is not even looked at')
  for (const scope of [undefined, '', 'presence:read', 'publisher', 'publish:x']) {
    isRefusal(t, await server.post('/publish', body, withKey(token({ scope }))), forbidden, `a token with the scope ${scope}`)
  }
  const expired = token({ scope: 'publish', exp: secondsFromNow(-60) })
  isRefusal(t, await server.post('/publish', body, withKey(expired)), unauthorized, 'an expired token')
  t.same(await receivedBy(server, [alice]), [[]])
})

t.test('a key or a token with the scope may publish', async t => {
  const alice = await witness(t)
  for (const credential of [PUBLISHER_KEY, API_KEY, token({ scope: 'publish' }), token({ scope: 'presence:read publish' })]) {
    t.equal((await server.publish({ room: 'a', data: 'yes' }, credential)).status, 200)
  }
  const [received = []] = await receivedBy(server, [alice])
  t.same(received.map(frame => frame.type === 'message' && frame.data), ['yes', 'yes', 'yes', 'yes'])
})

t.end()
