import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import t, { type Test } from 'tap'
import { connect, connectRefused } from '../helpers/client.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { startServer, type ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

/** A proxy that the server trusts is this test, so that clients can come from any address. */
const TRUST_PROXY = '127.0.0.1'
const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address })

/** The status of an upgrade for alice that should succeed. */
async function tryConnect (t: Test, server: ServerProcess, address: string): Promise<number> {
  const raw = rawSocket(t, { url: `${server.wsUrl}?token=${memberToken('alice')}`, headers: from(address) })
  const status = await raw.status()
  raw.socket.destroy()
  return status
}

// super-productivity/super-productivity#9885: credentials were looked at after the handshake, and unauthenticated sockets piled up.
t.test('P05: of five hundred upgrades with bad tokens from one address as many are looked at as it may, and no socket stays open', async t => {
  const server = await startServer(t, { env: { MAX_UPGRADES_PER_SECOND: '1', TRUST_PROXY } })
  const sockets = Array.from({ length: 500 }, () => rawSocket(t, { url: server.wsUrl, token: 'nonsense' }))
  const statuses = await Promise.all(sockets.map(socket => socket.status()))
  const count = (wanted: number): number => statuses.filter(status => status === wanted).length
  t.equal(count(401) + count(429), 500)
  t.ok(count(401) >= 10 && count(401) < 100, `${count(401)} were looked at`)
  await Promise.all(sockets.map(socket => socket.closed))

  // Time brings one a second, and each of these takes one.
  await until('refusal of a good token too', 429, () => tryConnect(t, server, '127.0.0.1'))
  let asked = await server.fetch('/ws', { headers: { origin: server.url } })
  await until('refusal of a request without an upgrade', 429, async () => (asked = await server.fetch('/ws', { headers: { origin: server.url } })).status)
  t.match(asked.body, { statusCode: 429, code: 'rate_limited', error: 'Too Many Requests', message: String })
  t.match(asked.headers.get('retry-after'), /^[1-9]\d*$/)
  t.equal(asked.headers.get('access-control-allow-origin'), server.url, 'which a page can read')
  t.equal(await tryConnect(t, server, '203.0.113.7'), 101, 'another address is not limited with it')
  t.equal((await server.get('/live')).status, 200, 'and other routes are not')
  await until('the time that was told', 101, () => tryConnect(t, server, '127.0.0.1'), 10_000)
})

t.test('of those who connect from one address at once only as many pass as may, and each that ends makes place for another', async t => {
  const server = await startServer(t, { env: { MAX_CONNECTIONS_PER_ADDRESS: '3', TRUST_PROXY } })
  const url = server.wsUrl
  const sockets = Array.from({ length: 30 }, (_, index) => rawSocket(t, { url, token: memberToken(`user-${index}`) }))
  const statuses = await Promise.all(sockets.map(socket => socket.status()))
  t.equal(statuses.filter(status => status === 101).length, 3)
  t.equal(statuses.filter(status => status === 429).length, 27)
  const refused = await connectRefused(t, { url, token: memberToken('alice') })
  t.match(refused, { status: 429, body: { code: 'limit_exceeded', message: /address/ } })
  t.match(refused.headers['retry-after'], /^[1-9]\d*$/)
  t.equal((await connectRefused(t, { url, token: 'nonsense' })).status, 401, 'a bad token is told so first')
  await connect(t, { url, token: memberToken('alice'), headers: from('203.0.113.7') })

  for (const { socket } of sockets) socket.resetAndDestroy()
  for (let count = 0; count < 3; count++) await until('a place', 101, () => tryConnect(t, server, '127.0.0.1'))
})

t.test('an upgrade that fails after all checks takes no place', async t => {
  const server = await startServer(t, { env: { MAX_CONNECTIONS: '1' } })
  const { port } = new URL(server.url)
  for (let count = 0; count < 3; count++) {
    const socket = connectTcp(Number(port))
    socket.write([
      `GET /ws?token=${memberToken('alice')} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: short', '\r\n'
    ].join('\r\n'))
    t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 400/)
    socket.destroy()
  }
  for (let count = 0; count < 2; count++) {
    const alice = await connect(t, { url: server.wsUrl, token: memberToken('alice') })
    t.match(await connectRefused(t, { url: server.wsUrl, token: memberToken('bob') }), { status: 429, body: { code: 'limit_exceeded', message: /node/ } })
    t.equal((await server.fetch('/ws', { headers: { authorization: `Bearer ${memberToken('bob')}` } })).status, 426, 'a question takes none either')
    await alice.close()
    await until('a place', 101, () => tryConnect(t, server, '127.0.0.1'))
    await until('its end', false, async () => (await server.presence('alice')).online)
  }
})

t.test('who forges the header of a proxy is counted where it is', async t => {
  const server = await startServer(t, { env: { MAX_CONNECTIONS_PER_ADDRESS: '1', TRUST_PROXY: '10.0.0.0/8' } })
  await connect(t, { url: server.wsUrl, token: memberToken('alice'), headers: from('203.0.113.1') })
  t.equal(await tryConnect(t, server, '203.0.113.2'), 429)
})

t.end()
