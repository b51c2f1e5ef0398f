import t from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy } from '../helpers/cluster.ts'
import { encodeFrame, rawSocket } from '../helpers/raw-socket.ts'
import { startServer } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const server = await startServer(t)
const { pid } = server
const url = server.wsUrl
const token = memberToken('mallory')

/** What a mute peer sent, after its welcome, and the code of the close with which that was answered. */
async function closedFor (bytes: Buffer): Promise<number> {
  const socket = rawSocket(t, { url, token })
  await socket.nextJson('welcome')
  socket.socket.write(bytes)
  const { opcode, payload } = await socket.inbox.next('close')
  t.equal(opcode, 8)
  socket.socket.end(encodeFrame(payload, 8))
  await socket.closed
  return payload.readUInt16BE()
}

/** A whole text frame whose first byte is another. */
function startingWith (first: number, text = '{"type":"ping"}'): Buffer {
  const frame = encodeFrame(text)
  frame.writeUInt8(first, 0)
  return frame
}

// RFC 6455 §5.2, §5.4, §5.5, §7.4.2 and §8.1.
const violations: Record<string, readonly [bytes: Buffer, code: number]> = {
  'a text that is not UTF-8': [encodeFrame(Buffer.from([0x22, 0xc3, 0x28, 0x22])), 1007],
  'a text that ends within a character': [Buffer.concat([startingWith(0x01, ''), encodeFrame(Buffer.from([0xf0, 0x9f]), 0)]), 1007],
  'RSV1, which stands for compression': [startingWith(0xc1), 1002],
  RSV2: [startingWith(0xa1), 1002],
  RSV3: [startingWith(0x91), 1002],
  'opcode 3': [startingWith(0x83), 1002],
  'opcode 11': [startingWith(0x8b), 1002],
  'a frame without a mask': [Buffer.from([0x81, 1, 0x35]), 1002],
  'a ping of 126 bytes': [encodeFrame(Buffer.alloc(126), 9), 1002],
  'a ping in parts': [startingWith(0x09, ''), 1002],
  'a continuation of nothing': [startingWith(0x80), 1002],
  'a text within a text': [Buffer.concat([startingWith(0x01), startingWith(0x81)]), 1002],
  'a close with 1006': [encodeFrame(Buffer.from([0x03, 0xee]), 8), 1002],
  'a close of one byte': [encodeFrame(Buffer.from([0x03]), 8), 1002],
  'a close whose reason is not UTF-8': [encodeFrame(Buffer.from([0x03, 0xe8, 0xff]), 8), 1007]
}

t.test('P15: what breaks the WebSocket protocol ends with 1002 or 1007, and disturbs nobody else', async t => {
  const neighbour = await connect(t, { url, token: memberToken('neighbour') })
  await neighbour.subscribe('lobby')
  for (const [what, [bytes, code]] of Object.entries(violations)) t.equal(await closedFor(bytes), code, what)
  t.same(await receivedBy(server, [neighbour]), [[]])
})

t.test('P15: a frame in parts, empty ones too and with pings between them, is handled as one', async t => {
  const socket = rawSocket(t, { url, token })
  await socket.nextJson('welcome')
  const parts = [startingWith(0x01, ''), startingWith(0x00, '{"type":'), startingWith(0x00, ''), encodeFrame('are you there', 9), startingWith(0x80, '"ping","id":1}')]
  socket.socket.write(Buffer.concat(parts))
  t.match(await socket.inbox.next('pong of WebSocket'), { opcode: 10, payload: Buffer.from('are you there') })
  t.same(await socket.nextJson('pong of the protocol'), { type: 'pong', id: 1 })
})

t.test('P14: 20 MB in a thousand parts end with 1009, long before they are all there', async t => {
  const part = startingWith(0x00, 'x'.repeat(20_000))
  t.equal(await closedFor(Buffer.concat([startingWith(0x01, ''), ...Array.from({ length: 1_000 }, () => part)])), 1009)
})

t.test('P14: compression is not negotiated, whoever offers it', async t => {
  const client = await connect(t, { url, token, headers: { 'sec-websocket-extensions': 'permessage-deflate' } })
  t.equal(client.socket.extensions, '')
  await client.ping()
})

t.test('P15: after all of this it is the same process, and it logged no error', async t => {
  t.equal((await server.get('/live')).status, 200)
  t.equal(server.isRunning && server.pid, pid)
  t.notMatch(server.logs.join('\n'), /"level":(50|60)/)
})

t.end()
