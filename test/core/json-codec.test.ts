import t from 'tap'
import { JsonCodec } from '../../src/core/json-codec.ts'
import { createCodec } from './fixtures/fake-transport.ts'

const codec = createCodec()
const decode = (text: string) => codec.decode(Buffer.from(text), 'text')

const GARBAGE: readonly string[] = [
  '', ' ', '{', '}', 'null', 'true', '0', '"subscribe"', '[]', '[{"type":"ping"}]', '{}', '{"type":null}', '{"type":1}', '{"type":["ping"]}',
  '{"type":""}', '{"type":"nope"}', '{"type":"__proto__"}', '{"type":"constructor"}', '{"type":"toString"}', '{"type":"PING"}', '{"type":"ping"',
  '{"type":"ping"}{"type":"ping"}', "{'type':'ping'}", '{"type":"ping",}', '{"type":"welcome"}', '{"type":"message","room":"lobby","data":1}',
  '{"type":"subscribe"}', '{"type":"subscribe","room":null}', '{"type":"subscribe","room":1}', '{"type":"subscribe","room":["lobby"]}',
  '{"type":"unsubscribe"}', '{"type":"publish","room":"lobby"}', '{"type":"publish","data":1}', '{"type":"publish","room":"lobby","data":1,"echo":true}',
  '{"type":"publish","room":"lobby","data":1,"echo":null}', '{"type":"ping","id":null}', '{"type":"ping","id":{}}', '{"type":"ping","id":true}',
  `{"type":"ping","id":"${'x'.repeat(65)}"}`, '{"type":"ping","id":1e999}', '\u0000', '{"type":"ping"}\u0000', '[' + '['.repeat(100_000),
  '['.repeat(100_000) + ']'.repeat(100_000)
]

t.test('whatever comes in is answered and never thrown', async t => {
  for (const text of GARBAGE) {
    const decoded = decode(text)
    t.match(decoded, { kind: 'invalid', code: 'frame_invalid', message: /./ }, text.slice(0, 60).replaceAll('\u0000', 'NUL'))
  }
})

t.test('bytes that are not UTF-8 are answered too', async t => {
  for (const bytes of [[0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xFE, 0xFF, 0x00, 0x7B]]) {
    t.match(codec.decode(Buffer.from(bytes), 'text'), { kind: 'invalid', code: 'frame_invalid' })
  }
})

t.test('a binary frame is refused, whatever it holds', async t => {
  t.match(codec.decode(Buffer.from('{"type":"ping"}'), 'binary'), { kind: 'invalid', code: 'frame_invalid', message: /binary/ })
})

t.test('every frame of the protocol is read', async t => {
  const frames = [
    { type: 'ping' }, { type: 'ping', id: 1 }, { type: 'ping', id: 'x'.repeat(64) }, { type: 'ping', id: '' }, { type: 'ping', id: -0.5 },
    { type: 'subscribe', room: 'lobby' }, { type: 'subscribe', id: 1, room: '' }, { type: 'unsubscribe', id: 1, room: 'lobby' },
    { type: 'publish', room: 'lobby', data: null }, { type: 'publish', id: 1, room: 'lobby', data: { a: [1] }, echo: false }
  ]
  for (const frame of frames) t.strictSame(decode(JSON.stringify(frame)), { kind: 'frame', frame })
})

t.test('an unknown key is refused, and named', async t => {
  t.match(decode('{"type":"ping","room":"lobby"}'), { kind: 'invalid', message: /"room"/ })
  t.match(decode('{"type":"subscribe","room":"lobby","Room":"attic"}'), { kind: 'invalid', message: /"Room"/ })
})

t.test('a missing or wrong key is named', async t => {
  t.match(decode('{"type":"subscribe"}'), { kind: 'invalid', message: /"room"/ })
  t.match(decode('{"type":"publish","room":"lobby"}'), { kind: 'invalid', message: /"data"/ })
})

t.test('the id of a frame that is refused is given back where it can be read', async t => {
  t.match(decode('{"type":"subscribe","id":7}'), { kind: 'invalid', id: 7 })
  t.match(decode('{"type":"nope","id":"a"}'), { kind: 'invalid', id: 'a' })
  t.match(decode('{"type":"ping","id":{}}'), { kind: 'invalid', id: undefined })
  t.match(decode('{"id":7}'), { kind: 'invalid' })
})

t.test('__proto__ is refused wherever it stands, also escaped', async t => {
  for (const text of [
    '{"type":"ping","__proto__":{}}', '{"__proto__":{"type":"ping"}}', '{"type":"publish","room":"a","data":{"b":[{"__proto__":1}]}}',
    '{"type":"publish","room":"a","data":{"\\u005f_proto__":1}}', '{"type":"publish","room":"a","data":{"constructor":{"prototype":1}}}'
  ]) t.match(decode(text), { kind: 'invalid', code: 'frame_invalid' }, text)
  t.equal(({} as { type?: string }).type, undefined)
})

t.test('a room may be called __proto__', async t => {
  t.match(decode('{"type":"subscribe","room":"__proto__"}'), { kind: 'frame', frame: { room: '__proto__' } })
})

t.test('only the view of a larger buffer is read', async t => {
  const whole = Buffer.from('xx{"type":"ping"}xx')
  t.match(codec.decode(whole.subarray(2, -2), 'text'), { kind: 'frame' })
})

t.test('a publication becomes exact JSON, with its data as it was published', async t => {
  const plain = new JsonCodec({ framer: payload => payload })
  const encode = (data: string, more: object = {}) => plain.encodePublication({
    room: 'the "lobby"\u2028', epoch: 'e', offset: 7, data: Buffer.from(data), at: 1_000, ...more
  }).toString()
  t.equal(encode('{ "a" : 1.0 }'), '{"type":"message","room":"the \\"lobby\\"\u2028","offset":7,"data":{ "a" : 1.0 },"at":1000}')
  t.equal(
    encode('"é👩"', { from: { userId: 'a"b', connectionId: 'c1' }, except: 'c2' }),
    '{"type":"message","room":"the \\"lobby\\"\u2028","offset":7,"data":"é👩","from":{"userId":"a\\"b","connectionId":"c1"},"at":1000}'
  )
})

t.test('a reply carries its id, and what is undefined is left out', async t => {
  const encode = (id?: string | number) => codec.encode({ type: 'pong', id }).toString()
  t.equal(encode(), '{"type":"pong"}\n')
  t.equal(encode(0), '{"type":"pong","id":0}\n')
  t.equal(encode(''), '{"type":"pong","id":""}\n')
})

t.test('everything leaves through the framer, once for each frame', async t => {
  const framed: string[] = []
  const watched = new JsonCodec({
    framer: payload => {
      framed.push(payload.toString())
      return Buffer.from('framed')
    }
  })
  t.equal(watched.encode({ type: 'pong' }).toString(), 'framed')
  t.equal(watched.encodePublication({ room: 'a', epoch: 'e', offset: 1, data: Buffer.from('1'), at: 1 }).toString(), 'framed')
  t.equal(framed.length, 2)
})
