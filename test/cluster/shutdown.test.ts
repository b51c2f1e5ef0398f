import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import t, { type Test } from 'tap'
import { connect, connectRefused, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { API_KEY, type ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const GRACE_MS = 10_000
const GOING_AWAY = 1001

function join (t: Test, node: ServerProcess, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub) })
}

/** A client that completes the handshake and never says anything again; resolves when it was welcomed. */
async function joinMute (t: Test, node: ServerProcess, sub: string) {
  const socket = rawSocket(t, { url: node.wsUrl, token: memberToken(sub) })
  const welcome = await socket.nextJson('welcome')
  return { socket, connectionId: String(welcome['connectionId']) }
}

/** Everything that Redis keeps under the cluster's prefix, as text, key by key. */
async function everything ({ redis, prefix }: Cluster): Promise<Array<{ key: string, text: string }>> {
  const readers: Record<string, readonly string[]> = {
    hash: ['HGETALL'], set: ['SMEMBERS'], string: ['GET'], zset: ['ZRANGE', '0', '-1'], list: ['LRANGE', '0', '-1'], stream: ['XRANGE', '-', '+']
  }
  const keys = await redis.command('KEYS', `${prefix}*`) as string[]
  return Promise.all(keys.map(async key => {
    const [command = '', ...args] = readers[String(await redis.command('TYPE', key))] ?? []
    return { key, text: JSON.stringify(await redis.command(command, key, ...args)) }
  }))
}

t.test('P47, P48: a node with twenty clients, one of them mute, says 1001 to all and leaves nothing behind', async t => {
  const cluster = await startCluster(t, { nodes: 2 })
  const [node1, node2] = cluster.pair()
  t.equal((await node1.get('/ready')).status, 200, 'it was ready before')
  const users = Array.from({ length: 19 }, (_, index) => `guest-${index}`)
  const clients = await Promise.all(users.map(user => join(t, node1, user)))
  for (const client of clients) await client.subscribe('shared')
  await Promise.all(clients.map((client, index) => client.subscribe(`own-${index}`)))
  const mute = await joinMute(t, node1, 'guest-mute')

  const { code, signal, ms } = await cluster.terminate(node1)

  t.same(await Promise.all(clients.map(client => client.closed)), clients.map(() => ({ code: GOING_AWAY, reason: 'going away' })))
  t.same({ code, signal }, { code: 0, signal: null })
  t.ok(ms < GRACE_MS, `it took ${ms} ms`)
  await mute.socket.closed
  const ids = [mute.connectionId, ...clients.map(({ connectionId }) => connectionId)]
  const kept = await everything(cluster)
  t.same(kept.filter(({ key, text }) => ids.some(id => key.includes(id) || text.includes(id))), [], 'no key mentions a connection')
  // The numbering of a room outlives its connections, or offsets would be used twice; it knows the room's name only.
  const remembered = (key: string): boolean => key.includes('$user:guest-') || key.endsWith(':seen')
  const aboutUsers = kept.filter(({ key, text }) => text.includes('guest-') || (key.includes('guest-') && !remembered(key)))
  t.same(aboutUsers, [], 'no key mentions a user, but for the numbering of the personal rooms and when the user was seen')
  for (const name of ['guest-', 'shared', 'own-']) t.same(await cluster.channels(name), [], `no channel of ${name} is left`)
  for (const user of [...users, 'guest-mute']) t.match(await node2.presence(user), { online: false, connections: [], lastSeenAt: Number }, `${user} is offline at the first question`)
  t.notMatch(node1.logs.join('\n'), /"level":(50|60)/, 'nothing went wrong')
})

t.test('P49: a node that drains refuses upgrades with 503 and is not ready', async t => {
  const cluster = await startCluster(t, { nodes: 1 })
  const [node] = cluster.nodes
  if (node === undefined) return
  const token = memberToken('alice')
  const alice = await connect(t, { url: node.wsUrl, token })

  // Redis holds a frame up, and with it the drain.
  await cluster.redis.command('CLIENT', 'PAUSE', '1500', 'ALL')
  const reply = alice.publish('lobby', 'under way')
  for (const path of ['/live', '/live']) t.equal((await node.get(path)).status, 200)
  const exit = cluster.terminate(node)
  await until('word of the shutdown', true, () => node.logs.some(line => line.includes('"msg":"shutting down"')))

  const upgrade = await connectRefused(t, { url: node.wsUrl, token })
  t.equal(upgrade.status, 503, 'an upgrade is refused as plain HTTP')
  t.match(upgrade.body, { statusCode: 503, code: 'draining', error: 'Service Unavailable', message: String })
  t.match(upgrade.headers['retry-after'], /^[1-9]/)
  t.equal((await node.get('/ready')).status, 503)
  t.equal((await reply).type, 'published')
  t.equal((await alice.closed).code, GOING_AWAY)
  t.match(await exit, { code: 0, signal: null })
})

t.test('P49: frames and requests that were accepted before the signal are answered and delivered before the close', async t => {
  const cluster = await startCluster(t, { nodes: 2 })
  const [node1, node2] = cluster.pair()
  const bob = await join(t, node2, 'bob')
  await bob.subscribe('lobby')
  const alice = await join(t, node1, 'alice')
  await alice.subscribe('lobby')
  const count = 30

  // Redis holds everything up, so that all of it is under way when the signal comes.
  await cluster.redis.command('CLIENT', 'PAUSE', '800', 'ALL')
  const replies = Array.from({ length: count }, (_, index) => alice.publish('lobby', index))
  const request = node1.publish({ room: 'lobby', data: 'from a backend' })
  // Round trips through the node's event loop, so that it has read those frames.
  for (const path of ['/live', '/live']) t.equal((await node1.get(path)).status, 200)
  const exit = cluster.terminate(node1)

  t.same((await Promise.all(replies)).map(({ type }) => type), replies.map(() => 'published'))
  t.equal((await request).status, 200)
  t.equal((await alice.closed).code, GOING_AWAY)
  t.match(await exit, { code: 0, signal: null })
  const wanted = [...replies.keys(), 'from a backend'].map(String).sort()
  const [received = []] = await receivedBy(node2, [bob])
  for (const [name, frames] of Object.entries({ alice: alice.inbox.drain(), bob: received })) {
    t.same(frames.map(frame => frame.type === 'message' && String(frame.data)).sort(), wanted, `${name} got every publication`)
  }
})

const CREDENTIAL = `authorization: Bearer ${API_KEY}`

/** What peers send on a connection that they opened, before they fall silent. */
const silences: Record<string, string> = {
  nothing: '',
  'half a head': 'POST /publish HTTP/1.1\r\nhost: x\r\ncontent-le',
  'half a body': `POST /publish HTTP/1.1\r\nhost: x\r\n${CREDENTIAL}\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"room":`,
  'a request, and then nothing more': 'GET /live HTTP/1.1\r\nhost: x\r\n\r\n'
}

t.test('P48: who holds a connection open and sends nothing, or half a request, does not hold up the shutdown', async t => {
  const cluster = await startCluster(t, { nodes: 1 })
  for (const [what, bytes] of Object.entries(silences)) {
    const node = await cluster.start()
    const { port } = new URL(node.url)
    const socket = connectTcp({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true })
    t.after(() => { socket.destroy() })
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(bytes)
    const alice = await join(t, node, 'alice')
    const { code, signal, ms } = await cluster.terminate(node)
    t.same({ code, signal }, { code: 0, signal: null }, what)
    t.ok(ms < GRACE_MS, `it took ${ms} ms`)
    t.equal((await alice.closed).code, GOING_AWAY)
    t.notMatch(node.logs.join('\n'), 'the lease ends by itself', 'the node gave its lease back')
  }
})

/** A node that shuts down, and cannot end yet, since Redis holds a frame up. */
async function holdUp (t: Test, cluster: Cluster, { signal, ms }: { signal: NodeJS.Signals, ms: number }) {
  const node = await cluster.start()
  const alice = await join(t, node, 'alice')
  await cluster.redis.command('CLIENT', 'PAUSE', String(ms), 'ALL')
  const reply = alice.publish('lobby', 'under way').catch((error: Error) => error)
  for (const path of ['/live', '/live']) t.equal((await node.get(path)).status, 200)
  const since = performance.now()
  node.signal(signal)
  await until('word of the shutdown', 1, () => node.logs.filter(line => line.includes('"msg":"shutting down"')).length)
  return { node, alice, reply, exit: node.exit(undefined, since) }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  t.test(`P47: a second ${signal} right after the first does not cut the clean-up short`, async t => {
    const cluster = await startCluster(t, { nodes: 1 })
    const [witness] = cluster.nodes
    const { node, alice, reply, exit } = await holdUp(t, cluster, { signal, ms: 1_000 })
    node.signal(signal)
    t.match(await reply, { type: 'published' })
    t.equal((await alice.closed).code, GOING_AWAY)
    t.match(await exit, { code: 0, signal: null })
    t.match(await witness?.presence('alice'), { online: false, connections: [] })
  })
}

t.test('a SIGTERM late in a shutdown changes nothing, a SIGINT ends the process at once', async t => {
  const cluster = await startCluster(t, { nodes: 0 })
  const { node, exit } = await holdUp(t, cluster, { signal: 'SIGTERM', ms: 3_000 })
  let isOver = false
  const ended = exit.finally(() => { isOver = true })
  await until('the end', true, () => {
    node.signal('SIGTERM')
    node.signal('SIGINT')
    return isOver
  }, GRACE_MS)
  const { code, ms } = await ended
  t.equal(code, 1)
  t.ok(ms >= 1_000 && ms < 2_500, `a signal within a second is taken for an echo of the first, one after it is not; it took ${ms} ms`)
  t.match(node.logs.at(-1), '"msg":"ending at once, as was asked for again"')
})
