import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import t, { type Test } from 'tap'
import { connect, connectRefused } from '../helpers/client.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { API_KEY, launchServer, withKey, type ServerProcess } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { within } from '../helpers/within.ts'

const REDIS_PASSWORD = 'the-password-of-redis-0123456789'
const WRONG_KEY = 'a-key-that-nobody-gave-out-0123456789abcdef'
const NODE_OPTIONS = `--import ${new URL('fault.mjs', import.meta.url).href}`

const good = memberToken('alice')
const bad = token({ sub: 'alice' }, { secret: `${JWT_SECRET}!` })
const secrets = [good, bad, API_KEY, WRONG_KEY, JWT_SECRET, REDIS_PASSWORD]

/** Each secret whole, the signature of a token alone, and its bytes as a Buffer is logged. */
const traces = secrets.flatMap(secret => [secret, secret.split('.')[2] ?? secret].flatMap(text => [text, [...Buffer.from(text).subarray(0, 12)].join(',')]))

function isSilent (t: Test, text: string, what: string): void {
  t.same(traces.filter(trace => text.includes(trace)), [], `${what} holds no secret`)
}

/** Sends bytes as they are, and resolves with what came back once the server has ended the connection. */
async function answerTo ({ url }: ServerProcess, bytes: string): Promise<string> {
  const socket = connectTcp({ host: '127.0.0.1', port: Number(new URL(url).port) })
  socket.on('error', () => {})
  let text = ''
  socket.on('data', chunk => { text += chunk.toString() })
  const ended = once(socket, 'close')
  socket.write(bytes)
  await within('end of the connection', 10_000, ended)
  return text
}

t.test('P03: no token, key, secret or password stands in anything that the process writes or answers, at the level trace', async t => {
  const redis = await startRedis(t)
  // Through the connection of the helper, which stays authenticated.
  await redis.command('CONFIG', 'SET', 'requirepass', REDIS_PASSWORD)
  const server = await launchServer(t, {
    name: 'talkative', env: { LOG_LEVEL: 'trace', REDIS_URL: `redis://:${REDIS_PASSWORD}@127.0.0.1:${redis.port}`, NODE_OPTIONS, FAULT: 'exception' }
  })
  await server.ready()

  await t.test('whoever connects, and in whatever way', async t => {
    for (const via of ['query', 'header', 'subprotocol'] as const) {
      const client = await connect(t, { url: server.wsUrl, token: good, via })
      client.send(']')
      t.equal((await client.closed).code, 4400)
      const refusal = await connectRefused(t, { url: server.wsUrl, token: bad, via })
      t.equal(refusal.status, 401)
      isSilent(t, refusal.text + JSON.stringify(refusal.headers), `the refusal by ${via}`)
    }
  })

  await t.test('whatever address is asked, mistyped and malformed ones too, also with an upgrade', async t => {
    for (const path of ['/wss', '/', '/ws/%E0%A4%A', '/presence/alice', '/publish', `/presence/${'x'.repeat(700)}`, '/docs', '/docs/json', '/docs/nothing', '/live', '/ready']) {
      for (const credential of [good, bad, API_KEY, WRONG_KEY]) {
        const answer = await server.get(`${path}?token=${credential}`, withKey(credential))
        isSilent(t, answer.text + JSON.stringify([...answer.headers]), path.slice(0, 20))
        const method = await server.fetch(`${path}?token=${credential}`, { method: 'PATCH', headers: withKey(credential) })
        isSilent(t, method.text, `PATCH ${path.slice(0, 20)}`)
      }
      const { status, text } = await connectRefused(t, { url: server.url.replace('http', 'ws') + path, token: bad, via: 'query' })
      t.ok(status >= 400 && status < 500)
      isSilent(t, text, `an upgrade on ${path.slice(0, 20)}`)
    }
  })

  await t.test('what cannot be read as a request', async t => {
    const head = `GET /ws?token=${good} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\n`
    const unreadable = { 400: `${head}bad header\r\n\r\n`, 431: `${head}x: ${'x'.repeat(20_000)}\r\n\r\n` }
    for (const [status, bytes] of Object.entries(unreadable)) {
      const answer = await answerTo(server, bytes)
      t.match(answer, `HTTP/1.1 ${status} `)
      isSilent(t, answer, status)
    }
    isSilent(t, await answerTo(server, `POST /publish HTTP/1.1\r\nhost: x\r\n${head.split('\r\n')[2]}\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n`), 'two lengths')
    const body = await server.post('/publish', `{"room":"lobby","data":1,"token":"${good}"}`)
    t.equal(body.status, 400)
    isSilent(t, body.text, 'a body with an unknown key')
  })

  await t.test('a Redis that refuses the password', async t => {
    await redis.command('CONFIG', 'SET', 'requirepass', 'another')
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until('word of it', true, () => server.logs.some(line => line.includes('WRONGPASS')), 10_000)
    t.equal((await server.get('/presence/alice')).status, 503)
  })

  await t.test('an error that nobody handled', async () => {
    server.signal('SIGWINCH')
    t.equal((await server.exit(20_000, performance.now())).code, 1)
  })

  const log = server.logs.join('\n')
  t.ok(server.logs.length > 50, 'the log is as detailed as it gets')
  t.match(log, '"level":60')
  isSilent(t, log, 'the log')
})
