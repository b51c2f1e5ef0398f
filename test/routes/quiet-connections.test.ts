import { once } from 'node:events'
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parseSettings } from '../../src/config.ts'
import { connect, type TestClient } from '../helpers/client.ts'
import { startServer } from '../helpers/server-process.ts'
import { memberToken, secondsFromNow } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { within } from '../helpers/within.ts'

/** Pings follow each other by at most this and the second between two looks at the connections. */
const PING_INTERVAL_MS = 1_000
/** Of the proxy; more than twice what lies between two pings. */
const IDLE_MS = 4_500
const QUIET_MS = 4 * IDLE_MS
/** For a busy machine. */
const MARGIN_MS = 1_000

const server = await startServer(t, { env: { PING_INTERVAL_MS: `${PING_INTERVAL_MS}` } })

/** A proxy that cuts what nobody has said a word on for a while, as nginx and HAProxy do. */
async function idleProxy (t: Pick<Test, 'after'>, url: string): Promise<number> {
  const proxy = createServer(socket => {
    const upstream = connectTcp(Number(new URL(url).port), '127.0.0.1')
    for (const [end, other] of [[socket, upstream], [upstream, socket]] as const) {
      end.on('error', () => {}).on('close', () => { other.destroy() })
      end.setTimeout(IDLE_MS, () => { end.destroy() })
      end.pipe(other)
    }
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.after(() => { proxy.close() })
  return (proxy.address() as AddressInfo).port
}

const port = await idleProxy(t, server.url)
// They stay quiet while the other tests run.
const quiet = await connect(t, { url: `ws://127.0.0.1:${port}/ws`, token: memberToken('quiet') })
const since = performance.now()
const month = await connect(t, { url: server.wsUrl, token: memberToken('month', { exp: secondsFromNow(30 * 86_400) }) })

/** Connects with a token of three seconds. */
async function shortLived (t: Test): Promise<{ alice: TestClient, endsAt: number }> {
  const exp = secondsFromNow(3)
  const alice = await connect(t, { url: server.wsUrl, token: memberToken('alice', { exp }) })
  return { alice, endsAt: exp * 1_000 }
}

// hasura/graphql-engine#578: the token was checked at the handshake only.
t.test('P02: a connection that only sits there ends with its token, hears nothing after it, and is offline', async t => {
  const { alice, endsAt } = await shortLived(t)
  await alice.subscribe('lobby')
  t.equal((await server.presence('alice')).online, true)
  const { code } = await alice.closed
  const lateMs = Date.now() - endsAt
  t.equal(code, 4401)
  t.ok(lateMs >= 0 && lateMs < 1_000 + MARGIN_MS, `${lateMs} ms after its end`)
  await until('presence', false, async () => (await server.presence('alice')).online)
  t.equal((await server.publish({ room: 'lobby', data: 'too late' })).status, 200)
  t.same(alice.inbox.drain().map(({ type }) => type), ['token_expiring'])
})

t.test('P02: so does one that is busy', async t => {
  const { alice, endsAt } = await shortLived(t)
  await alice.subscribe('busy')
  const over = new AbortController()
  const closed = alice.closed.finally(() => { over.abort() })
  const heardAt: number[] = []
  while (!over.signal.aborted) {
    await server.publish({ room: 'busy', data: 1 })
    if (alice.inbox.drain().some(({ type }) => type === 'message')) heardAt.push(Date.now())
  }
  t.equal((await closed).code, 4401)
  t.ok(heardAt.length > 0 && heardAt.every(at => at < endsAt + 1_000 + MARGIN_MS))
})

// websockets/ws#2283: proxies close quiet connections.
t.test('P10: a proxy that cuts what is idle keeps a quiet connection, which is pinged, and cuts one that is not', async t => {
  const mute = connectTcp(port, '127.0.0.1')
  await within('cut of what is idle', IDLE_MS + 5_000, once(mute.on('error', () => {}), 'close'))
  await delay(Math.max(0, QUIET_MS - (performance.now() - since)))
  t.match(await quiet.ping(), { type: 'pong' })
  t.match(await month.ping(), { type: 'pong' }, 'P02: and a token of a month, longer than a timer can wait, is not over')
  const { pingIntervalMs, pongTimeoutMs } = parseSettings({})
  t.ok(pingIntervalMs <= 30_000 && pongTimeoutMs <= 30_000, 'by default a ping comes well within the minute that proxies wait')
})

t.end()
