import { request } from 'node:http'
import t, { type Test } from 'tap'
import type { RoomHandle } from '../../client/index.ts'
import { connectClient } from '../client/library-client.ts'
import { connect, connectRefused, type TestClient } from '../helpers/client.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { checkConfiguration, proxyTest, type ProxyKind } from './proxy-server.ts'
import { Publishing } from './publishing.ts'

const CLIENTS = 30
const ROOM = 'lobby'
const ARRIVAL_MS = 20_000
/** The proxy's time-out, and an interval of pings well below: what was 75 s and 25 s, so that it can be waited for. */
const TIMEOUT_SECONDS = 4
const PING_INTERVAL_MS = '1000'
/** So long does a node shut down that waits for Redis; no longer, or the others would not be ready. */
const HELD_UP_MS = 1_000
/** A node that sends no pings for as long as a test lasts. */
const SILENT = 'silent'
const NEVER_MS = '600000'

interface Listener {
  readonly received: unknown[]
  readonly gaps: unknown[]
}

/** What every proxy that is shipped must do for clients and backends, run on the real one. */
export function proxySuite (kind: ProxyKind): void {
  proxyTest(t, kind, `${kind.title} accepts the configuration that is shipped, without a warning`, async (t, binary) => {
    const { code, output } = await checkConfiguration(t, { kind, binary, nodes: [1, 2, 3] })
    t.equal(code, 0, output)
    t.notMatch(output, /warn/i)
  })

  proxyTest(t, kind, `three nodes behind ${kind.title}`, async (t, binary) => {
    const fleet = await startFleet(t, {
      kind, binary, timeoutSeconds: TIMEOUT_SECONDS, env: { PING_INTERVAL_MS }, lastEnv: { PING_INTERVAL_MS: NEVER_MS, NODE_NAME: SILENT }
    })
    await t.test('take clients evenly, and keep an idle one for longer than the time-out of the proxy', t => idle(t, fleet))
    await t.test('see the address and the host that a client has, and not those that it claims', t => identity(t, fleet))
    await t.test('lose no client when the proxy reads its configuration again', t => reload(t, fleet))
    await t.test('lose no publication in a rolling restart', t => rollingRestart(t, fleet))
    await t.test('take over from each other who meets one that shuts down', t => takeOver(t, fleet))
    await t.test('leave no token in the log of the proxy', t => secrecy(t, fleet))
  })
}

async function idle (t: Test, { proxy }: Fleet): Promise<void> {
  const clients = []
  for (const user of ['ada', 'bob', 'cem']) clients.push(await connect(t, { url: proxy.wsUrl, token: memberToken(user) }))
  t.equal(new Set(clients.map(({ welcome }) => welcome.nodeName)).size, 3, 'each on another node')
  // On the node that sends no pings the time-out can be seen at work, twice.
  const since = performance.now()
  const unpinged = clients.find(({ welcome }) => welcome.nodeName === SILENT)
  t.equal((await unpinged?.closed)?.code, 1006)
  const next = await connect(t, { url: proxy.wsUrl, token: memberToken('dan') })
  t.equal(next.welcome.nodeName, SILENT, 'the next goes where fewest are')
  t.equal((await next.closed).code, 1006)
  t.ok(performance.now() - since > 1_900 * TIMEOUT_SECONDS, 'twice the time-out has passed')
  for (const client of clients.filter(client => client !== unpinged)) t.equal((await client.ping()).type, 'pong', 'who is pinged is there')
}

async function identity (t: Test, { proxy, nodes }: Fleet): Promise<void> {
  // The proxy is 127.0.0.1; a client at another address of loopback is told apart from it.
  const path = '/nowhere'
  const asked = request(proxy.url + path, { localAddress: '127.0.0.2', headers: { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7' } })
  await new Promise((resolve, reject) => { asked.on('response', answer => answer.resume().on('end', resolve)).on('error', reject).end() })
  const seen = (): unknown[] => nodes.flatMap(({ logs }) => logs.filter(line => line.includes(path)))
    .map(line => (JSON.parse(line) as { req: { remoteAddress: unknown } }).req.remoteAddress)
  await until('the address that a node logs', ['127.0.0.2'], seen)

  const options = { url: proxy.wsUrl, token: memberToken('ada') }
  await connect(t, { ...options, origin: proxy.url })
  const evil = { origin: 'https://evil.test', headers: { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https' } }
  t.match(await connectRefused(t, { ...options, ...evil }), { status: 403, body: { code: 'origin_forbidden' } }, 'a host cannot be claimed')
  t.match(await connectRefused(t, { url: proxy.wsUrl }), { status: 401, body: { code: 'unauthorized' } }, 'a refusal is the node\'s own')
}

async function reload (t: Test, { proxy }: Fleet): Promise<void> {
  const before = await gather(t, proxy.wsUrl, 10)
  const ids = before.map(({ client }) => client.connectionId)
  await proxy.reload()
  const after = await gather(t, proxy.wsUrl, 10)
  const publishing = new Publishing(proxy.url, ROOM)
  await publishing.one()
  for (const { received } of [...before, ...after]) await until('the publication', [1], () => received)
  t.same(before.map(({ client }) => client.connectionId), ids, 'the connections are the same as before')
}

async function rollingRestart (t: Test, fleet: Fleet): Promise<void> {
  const { proxy } = fleet
  const listeners = await gather(t, proxy.wsUrl, CLIENTS)
  const ids = listeners.map(({ client }) => client.connectionId)
  const publishing = new Publishing(proxy.url, ROOM)
  t.after(() => { publishing.stop() })
  const published = publishing.run(20)
  const restarts = await fleet.restartOneByOne(async () => {
    const { count } = publishing
    await until('publications go on', true, () => publishing.count > count + 10, ARRIVAL_MS)
  })
  publishing.stop()
  await published
  const wanted = Array.from({ length: publishing.count }, (_, index) => index + 1)
  await until('who lacks the last publication', [], () => listeners.flatMap(({ client, received }) => received.at(-1) === publishing.count ? [] : [client.state]), ARRIVAL_MS)
  for (const { received, gaps } of listeners) {
    if (received.length !== wanted.length) t.same(received, wanted)
    t.same(gaps, [])
  }
  t.same(listeners.map(({ received }) => received), listeners.map(() => wanted), 'everyone has every publication once and in order')
  t.ok(listeners.every(({ client }, index) => client.connectionId !== ids[index]), 'everyone was on a node that was restarted')
  t.same(restarts.map(({ code }) => code), [0, 0, 0], 'each node ended in order')
  t.comment(`${publishing.count} publications, what the proxy answered besides: ${JSON.stringify([...publishing.setbacks])}`)
}

async function takeOver (t: Test, fleet: Fleet): Promise<void> {
  const { proxy, nodes } = fleet
  const join = (user: string): Promise<TestClient> => connect(t, { url: proxy.wsUrl, token: memberToken(user) })
  const first = []
  for (const user of ['ada', 'bob', 'cem']) first.push(await join(user))
  const [ada] = first
  const leaving = nodes.find(({ name }) => name === ada?.welcome.nodeName)
  if (ada === undefined || leaving === undefined) throw new Error('nobody knows where the first client is')
  await fleet.holdUp(HELD_UP_MS)
  const reply = ada.publish('attic', 'under way')
  // A round trip through the node, so that it has read the frame.
  t.equal((await leaving.get('/live')).status, 200)
  leaving.signal('SIGTERM')
  await until('word of the shutdown', true, () => leaving.logs.some(line => line.includes('"msg":"shutting down"')))
  const next = await Promise.all(Array.from({ length: 6 }, (_, index) => join(`next-${index}`)))
  t.notOk(next.some(({ welcome }) => welcome.nodeName === leaving.name), 'nobody was refused, and nobody is on the node that leaves')
  t.equal((await reply).type, 'published')
}

async function secrecy (t: Test, { proxy }: Fleet): Promise<void> {
  const token = memberToken('eve')
  const client = await connect(t, { url: proxy.wsUrl, token, via: 'query' })
  await client.close()
  await until('the line of the log', true, async () => /GET "?\/ws"? 101/.test(await proxy.log()))
  t.notMatch(await proxy.log(), token.slice(0, 20))
  t.notMatch(await proxy.log(), 'token=')
}

/** So many clients of the library in the room, and what they receive there. */
function gather (t: Test, url: string, count: number) {
  return Promise.all(Array.from({ length: count }, async (_, index) => {
    // The back-offs that everyone has.
    const client = await connectClient(t, url, { getToken: () => memberToken(`user-${index}`), backoffMs: undefined, maxBackoffMs: undefined })
    const room = client.room(ROOM)
    const listener = listen(room)
    await room.subscribe()
    return { client, ...listener }
  }))
}

function listen (room: RoomHandle): Listener {
  const listener: Listener = { received: [], gaps: [] }
  room.on('message', ({ data }) => { listener.received.push(data) })
  room.on('gap', gap => { listener.gaps.push(gap) })
  return listener
}
