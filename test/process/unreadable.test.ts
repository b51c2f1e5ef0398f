import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import t from 'tap'
import { API_KEY, startServer } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

const server = await startServer(t)

/** Sends bytes over a connection of their own, and reads what is answered until it ends. */
async function answerTo (...lines: readonly string[]) {
  const { hostname, port } = new URL(server.url)
  const socket = connectTcp({ host: hostname, port: Number(port) })
  const chunks: Buffer[] = []
  socket.on('data', chunk => { chunks.push(chunk) }).write(lines.join('\r\n'))
  await once(socket, 'close')
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
  return { status: Number(head.slice(9, 12)), head: head.toLowerCase(), body: JSON.parse(body) as Record<string, unknown> }
}

const refusal = { statusCode: 400, code: 'request_invalid', error: 'Bad Request', message: String }

const unreadable: Record<string, readonly string[]> = {
  'no HTTP': ['\u0016\u0003\u0001', '', ''],
  'an unknown method': ['GTE /live HTTP/1.1', 'Host: a', '', ''],
  'a length that is none': ['POST /publish HTTP/1.1', 'Host: a', 'Content-Length: 1e3', '', ''],
  'two lengths': ['POST /publish HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 2', '', ''],
  'a chunk that is none': ['POST /publish HTTP/1.1', 'Host: a', `Authorization: Bearer ${API_KEY}`, 'Transfer-Encoding: chunked', '', 'zz', '']
}

t.test('what cannot be read as HTTP is answered with the error body, and its connection ended', async t => {
  for (const [what, lines] of Object.entries(unreadable)) {
    const { status, head, body } = await answerTo(...lines)
    t.equal(status, 400, what)
    t.match(head, 'connection: close')
    t.match(body, refusal, what)
    t.same(Object.keys(body).sort(), Object.keys(refusal).sort())
  }
})

const handshake = ['Host: a', 'Connection: Upgrade', 'Upgrade: websocket', `Authorization: Bearer ${memberToken('alice')}`]
const KEY = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='
const VERSION = 'Sec-WebSocket-Version: 13'

t.test('a handshake that is none is refused with the error body, and told the versions that are spoken', async t => {
  for (const more of [[VERSION], [VERSION, 'Sec-WebSocket-Key: AAAA'], [VERSION, KEY, KEY], [KEY], [KEY, 'Sec-WebSocket-Version: 12'], [KEY, VERSION, 'Sec-WebSocket-Protocol: a b']]) {
    const { status, head, body } = await answerTo('GET /ws HTTP/1.1', ...handshake, ...more, '', '')
    t.equal(status, 400, more.join())
    t.match(head, 'sec-websocket-version: 13, 8')
    t.match(body, refusal)
  }
})

t.test('a body that nobody wants is refused in the table\'s words too', async t => {
  const post = async (text: string, type = 'application/json') => (await server.post('/nothing', text, { 'content-type': type })).body
  t.match(await post('{}'), { statusCode: 404, code: 'not_found' })
  t.match(await post('{'), { statusCode: 400, code: 'request_invalid' })
  t.match(await post('{"__proto__":1}'), { statusCode: 400, code: 'request_invalid' })
  t.match(await post('x', 'nonsense'), { statusCode: 415, code: 'media_type_unsupported' })
  t.match(await post(`"${'x'.repeat(2_000_000)}"`), { statusCode: 413, code: 'payload_too_large' })
})

t.test('after all of this it logged no error', async t => {
  t.equal((await server.get('/live')).status, 200)
  t.notMatch(server.logs.join('\n'), /"level":(50|60)/)
})

t.end()
