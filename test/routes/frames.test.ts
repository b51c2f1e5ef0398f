import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy } from '../helpers/cluster.ts'
import { encodeFrame, rawSocket } from '../helpers/raw-socket.ts'
import { startServer } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'

const MAX_FRAME_BYTES = 65_536

const server = await startServer(t)
const { pid } = server
const url = server.wsUrl

function join (t: Test, sub: string) {
  return connect(t, { url, token: memberToken(sub) })
}

const eager = JSON.stringify({ type: 'subscribe', id: 'eager', room: 'lobby' })

// fastify/fastify-websocket#106: what the handler awaited cost the frames that arrived meanwhile.
t.test('P01: a frame that is sent in the open callback is answered exactly once, a hundred times', async t => {
  const clients = await Promise.all(Array.from({ length: 100 }, (_, index) =>
    connect(t, { url, token: memberToken(`user-${index}`), eager: [eager] })))
  for (const client of clients) {
    t.match(await client.inbox.next('the answer'), { type: 'subscribed', id: 'eager', room: 'lobby' })
    await client.ping()
    t.same(client.inbox.drain(), [])
  }
  await Promise.all(clients.map(client => client.close()))
})

t.test('P01: a frame in the same TCP segment as the handshake is answered exactly once', async t => {
  const socket = rawSocket(t, { url, token: memberToken('alice'), together: [eager] })
  t.equal(await socket.status(), 101)
  t.match(await socket.nextJson('welcome'), { type: 'welcome' })
  t.match(await socket.nextJson('the answer'), { type: 'subscribed', id: 'eager', room: 'lobby' })
  socket.send('{"type":"ping"}')
  t.match(await socket.nextJson('pong'), { type: 'pong' })
})

const badFrames: Array<string | Buffer> = [
  '', ']', '{"type":', '{"type":"pi', '{"type":"ping"', 'ping', '"ping"', 'null', '5', 'true', '[]', '[{"type":"ping"}]', '{}', '{"Type":"ping"}',
  '{"type":null}', '{"type":5}', '{"type":["ping"]}', '{"type":"pin"}', '{"type":"PING"}', '{"type":"__proto__"}', '{"type":"constructor"}',
  '{"type":"welcome"}', '{"type":"ping","extra":1}', '{"type":"ping","id":null}', '{"type":"ping","id":{}}', '{"type":"ping","id":true}',
  `{"type":"ping","id":"${'x'.repeat(65)}"}`, '{"type":"subscribe"}', '{"type":"subscribe","room":5}', '{"type":"subscribe","room":null}',
  '{"type":"subscribe","room":["lobby"]}', '{"type":"subscribe","room":"lobby","rom":1}', '{"type":"unsubscribe","room":{}}',
  '{"type":"publish","room":"lobby"}', '{"type":"publish","data":1}', '{"type":"publish","room":"lobby","data":1,"echo":true}',
  '{"type":"publish","room":"lobby","data":1,"except":"x"}', '{"type":"ping","__proto__":{"admin":true}}',
  '{"type":"publish","room":"lobby","data":{"__proto__":{"admin":true}}}', '{"type":"publish","room":"lobby","data":{"constructor":{"prototype":1}}}',
  ...['""', '5', 'null', '["k"]', `"${'k'.repeat(256)}"`].map(key => `{"type":"publish","room":"lobby","data":1,"key":${key}}`),
  ...['false', '1', 'null', '"true"'].map(volatile => `{"type":"publish","room":"lobby","data":1,"volatile":${volatile}}`),
  Buffer.from('{"type":"ping"}'), Buffer.from([0xff, 0x00]), Buffer.alloc(0)
]

t.test('P12, P15: a bad frame, binary ones too, is answered with an error frame and the close 4400, and disturbs nobody else', async t => {
  const neighbour = await join(t, 'neighbour')
  await neighbour.subscribe('lobby')
  for (const frame of badFrames) {
    const what = typeof frame === 'string' ? frame.slice(0, 70) : `binary ${frame.toString('hex')}`
    const client = await join(t, 'mallory')
    client.send(frame)
    t.match(await client.inbox.next(`answer to ${what}`), { type: 'error', code: 'frame_invalid', message: String }, what)
    t.match(await client.closed, { code: 4400, reason: 'bad frames' })
    t.same(client.inbox.drain(), [])
  }
  t.same(await receivedBy(server, [neighbour]), [[]], 'nothing of it was published')
})

t.test('nothing behind a bad frame is handled', async t => {
  const neighbour = await join(t, 'neighbour')
  await neighbour.subscribe('lobby')
  const socket = rawSocket(t, { url, token: memberToken('mallory') })
  await socket.nextJson('welcome')
  socket.send('{"type":"publish","room":"lobby","data":"before"}', ']', '{"type":"publish","room":"lobby","data":"behind"}')
  t.match(await socket.nextJson('error'), { type: 'error', code: 'frame_invalid' })
  const [received = []] = await receivedBy(server, [neighbour])
  t.same(received.map(frame => frame.type === 'message' && frame.data), ['before'])
})

t.test('P14: a frame beyond the limit ends with 1009, one at the limit is handled', async t => {
  const neighbour = await join(t, 'neighbour')
  await neighbour.subscribe('lobby')
  const frame = (bytes: number) => `{"type":"publish","room":"lobby","data":"${'x'.repeat(bytes - '{"type":"publish","room":"lobby","data":""}'.length)}"}`
  const fitting = await join(t, 'alice')
  fitting.send(frame(MAX_FRAME_BYTES))
  await fitting.ping()
  for (const bytes of [MAX_FRAME_BYTES + 1, 20_000_000]) {
    const client = await join(t, 'mallory')
    client.send(frame(bytes))
    t.equal((await client.closed).code, 1009, `${bytes} bytes`)
  }
  const [received = []] = await receivedBy(server, [neighbour])
  t.equal(received.length, 1)
})

t.test('P14: a frame that announces a huge length, and one that comes in too many parts, end with 1009', async t => {
  const announcing = rawSocket(t, { url, token: memberToken('mallory') })
  await announcing.nextJson('welcome')
  announcing.socket.write(Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]))
  t.equal((await announcing.inbox.next('close')).payload.readUInt16BE(), 1009)

  const parts = rawSocket(t, { url, token: memberToken('mallory') })
  await parts.nextJson('welcome')
  const part = Buffer.alloc(1_000, 'x')
  // RFC 6455 §5.4: the first part names the opcode, the others continue it, none is final.
  const unfinished = Array.from({ length: 67 }, (_, index) => encodeFrame(part, index === 0 ? 1 : 0))
  for (const frame of unfinished) frame.writeUInt8(frame.readUInt8(0) & 0x7f, 0)
  parts.socket.write(Buffer.concat(unfinished))
  t.equal((await parts.inbox.next('close')).payload.readUInt16BE(), 1009)
})

t.test('P16: rooms and users may bear the names of an object\'s own properties', async t => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const client = await join(t, name)
    t.equal((await client.subscribe(name)).room, name)
    await client.publish(name, 'by frame')
    await server.publish({ room: name, data: 'by REST' })
    const [received = []] = await receivedBy(server, [client])
    t.match(received, [{ type: 'message', room: name, data: 'by frame' }, { type: 'message', room: name, data: 'by REST' }])
    await client.unsubscribe(name)
    await client.close()
  }
})

t.test('what is refused for its room or its data leaves the connection alive', async t => {
  const client = await connect(t, { url, token: token({ sub: 'alice', can: { subscribe: ['chat:*'] } }) })
  await t.rejects(client.subscribe('lobby'), { code: 'room_forbidden', frame: { room: 'lobby' } })
  await t.rejects(client.publish('chat:1', 'no grant to publish'), { code: 'room_forbidden' })
  const reserved = ['$all', '$user:bob', '$control']
  const greedy = await connect(t, { url, token: token({ can: { subscribe: ['*', ...reserved], publish: ['*', ...reserved] } }) })
  for (const room of reserved) {
    await t.rejects(greedy.subscribe(room), { code: 'room_forbidden' }, `${room} belongs to the server, whatever the token says`)
    await t.rejects(greedy.publish(room, 1), { code: 'room_forbidden' })
  }
  for (const room of ['', 'x'.repeat(201), 'ж'.repeat(101), 'a\u0000', '\ud800']) await t.rejects(client.subscribe(room), { code: 'room_invalid' })
  await t.rejects(client.unsubscribe('chat:1'), { code: 'not_subscribed' })
  t.equal((await client.subscribe('chat:1')).room, 'chat:1')

  const member = await join(t, 'bob')
  member.send(`{"type":"publish","id":"deep","room":"chat:1","data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)
  t.match(await member.inbox.next('the refusal'), { type: 'error', id: 'deep', code: 'payload_invalid' })
  await member.ping()
  t.same(await receivedBy(server, [client]), [[]])
})

t.test('after all of this it is the same process, and it logged no error', async t => {
  t.equal((await server.get('/live')).status, 200)
  t.equal(server.isRunning && server.pid, pid)
  t.notMatch(server.logs.join('\n'), /"level":(50|60)|MaxListeners/)
})

t.end()
