import { once } from 'node:events'
import { connect as connectTcp, Socket, type AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { closeConnections, httpOptions } from '../../src/http-server.ts'
import { securityHeaders } from '../../plugins/security-headers.ts'
import { startServer } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { within } from '../helpers/within.ts'

const ANSWER_MS = 10_000
const server = await startServer(t)
const { pid } = server
const port = Number(new URL(server.url).port)

interface RawAnswer { readonly status: number, readonly headers: Record<string, string>, readonly body: Record<string, unknown> }

/** Sends bytes as they are, and resolves with the answer once the server has ended the connection. */
async function exchange (t: Test, port: number, bytes: string): Promise<RawAnswer> {
  const socket = connectTcp({ host: '127.0.0.1', port })
  t.after(() => { socket.destroy() })
  socket.on('error', () => {})
  const chunks: Buffer[] = []
  socket.on('data', chunk => { chunks.push(chunk) })
  const ended = once(socket, 'close')
  socket.write(bytes)
  await within('end of the connection', ANSWER_MS, ended)
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
  const [status = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]))
  return { status: Number(status.split(' ')[1]), headers, body: JSON.parse(body || '{}') as Record<string, unknown> }
}

const unread: Record<string, { bytes: string, status: number, code: string }> = {
  'what is no HTTP': { bytes: 'hello\r\n\r\n', status: 400, code: 'request_invalid' },
  'a header that is none': { bytes: 'GET /ws?token=x HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n', status: 400, code: 'request_invalid' },
  'TLS, spoken to a plain port': { bytes: '\x16\x03\x01\x02\x00\x01', status: 400, code: 'request_invalid' },
  'two lengths': { bytes: 'POST /publish HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n', status: 400, code: 'request_invalid' },
  'headers of 20 KB': { bytes: `GET /live HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${'x'.repeat(20_000)}\r\n\r\n`, status: 431, code: 'headers_too_large' }
}

t.test('what cannot be read as a request is refused in the words of the table, and the connection ends', async t => {
  for (const [what, { bytes, ...wanted }] of Object.entries(unread)) {
    const { status, headers, body } = await exchange(t, port, bytes)
    t.equal(status, wanted.status, `${what}: ${wanted.status}`)
    t.match(body, { statusCode: wanted.status, code: wanted.code, error: String, message: String })
    t.match(headers, { ...securityHeaders, connection: 'close' })
  }
  t.equal((await server.get('/live')).status, 200)
  t.equal(server.isRunning && server.pid, pid, 'it is the same process')
})

/** A server with the options of the process, but less patient. */
async function startImpatient (t: Test): Promise<{ app: FastifyInstance, port: number }> {
  const app: FastifyInstance = Fastify({ ...httpOptions, requestTimeout: 200, http: { headersTimeout: 100, connectionsCheckingInterval: 20 } })
  t.after(() => app.close())
  app.post('/', async () => 'ok')
  app.get('/much', async () => 'x'.repeat(16_777_216))
  await app.register(closeConnections)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, port: (app.server.address() as AddressInfo).port }
}

t.test('who sends a request too slowly is told 408, and the connection ends', async t => {
  const { port } = await startImpatient(t)
  for (const [what, bytes] of Object.entries({
    'half a head': 'POST / HTTP/1.1\r\nhost: x\r\nconte',
    'half a body': 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nhalf'
  })) {
    const { status, body } = await exchange(t, port, bytes)
    t.equal(status, 408, what)
    t.match(body, { statusCode: 408, code: 'request_timeout', error: 'Request Timeout' })
  }
})

t.test('who reads no answer, and goes on with what is no HTTP, is refused once', async t => {
  const { app, port } = await startImpatient(t)
  let refusals = 0
  const connection = once(app.server, 'connection')
  app.server.on('clientError', () => { refusals++ })
  const peer = connectTcp({ host: '127.0.0.1', port })
  t.after(() => { peer.destroy() })
  peer.on('error', () => {}).pause()
  const [socket] = await connection as [Socket]
  peer.write('GET /much HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(app.server, 'request')
  await until('what could not be read', true, () => {
    peer.write('? ?\r\n\r\n')
    return refusals >= 15
  })
  t.ok(socket.listenerCount('finish') <= 2, `${socket.listenerCount('finish')} wait for the end of the answer`)
})

t.test('a request that came while the process was busy with its shutdown is answered before its connection ends', async t => {
  const app: FastifyInstance = Fastify({ return503OnClosing: false })
  let count = 0
  app.get('/', async () => ({ count: ++count }))
  const answers: string[] = []
  const peer = new Socket().setEncoding('utf8').on('data', chunk => { answers.push(String(chunk)) }).on('error', () => {})
  t.after(() => { peer.destroy() })
  const ask = (): unknown => peer.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  // Sent, and not read yet when all that drains is over.
  app.addHook('preClose', async () => { ask() })
  await app.register(closeConnections)
  await app.listen({ port: 0, host: '127.0.0.1' })
  peer.connect((app.server.address() as AddressInfo).port)
  ask()
  await until('the first answer', 1, () => answers.length)
  const ended = once(peer, 'close')
  await app.close()
  await within('end of the connection', ANSWER_MS, ended)
  t.match(answers.at(-1), /Connection: close[^]*{"count":2}$/)
})

t.test('the process has a limit for everything that a peer may be slow with', async t => {
  const app: FastifyInstance = Fastify(httpOptions)
  t.after(() => app.close())
  const { headersTimeout, requestTimeout, timeout, keepAliveTimeout } = app.server
  t.same({ headersTimeout, requestTimeout, timeout, keepAliveTimeout }, {
    headersTimeout: 10_000, requestTimeout: 30_000, timeout: 60_000, keepAliveTimeout: 72_000
  })
})

t.test('upgrades that are reset in the middle of the handshake leave the process as it was', async t => {
  const handshake = ['GET /ws HTTP/1.1', 'host: x', 'connection: Upgrade', 'upgrade: websocket', 'sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==', '', '']
  for (const path of ['/ws', '/nothing', '/ws/%E0%A4%A', '/live']) {
    const sockets = Array.from({ length: 50 }, () => connectTcp({ host: '127.0.0.1', port }))
    await Promise.all(sockets.map(async (socket, index) => {
      socket.on('error', () => {})
      await once(socket, 'connect')
      // All of it, or half of it.
      const bytes = handshake.join('\r\n').replace('/ws', path)
      socket.write(index % 2 === 0 ? bytes : bytes.slice(0, -20), () => { socket.resetAndDestroy() })
      await once(socket, 'close')
    }))
  }
  t.equal((await server.get('/live')).status, 200)
  t.equal(server.isRunning && server.pid, pid)
  t.notMatch(server.logs.join('\n'), /"level":(50|60)/)
})

t.end()
