import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { connect, type Frame, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { Answer, ServerProcess } from '../helpers/server-process.ts'
import { freePort } from '../helpers/free-port.ts'
import { refusedStart } from '../helpers/refused-start.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

/** Two seconds are promised; the rest is for a busy machine. */
const REFUSAL_MS = 2_500
const RETURN_MS = 10_000
const PASSWORD = 'never-tell-this-password'

/** Something that accepts connections and never says a word, as a half-dead Redis does. */
async function mutePort (t: Test): Promise<number> {
  const server = createServer(socket => { socket.on('error', () => {}); t.after(() => { socket.destroy() }) }).listen(0, '127.0.0.1')
  t.after(() => { server.close() })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function failsToStart (t: Test, at: string): Promise<string> {
  const log = await refusedStart(t, { REDIS_URL: `redis://somebody:${PASSWORD}@${at}` })
  t.match(log, at, 'host and port are named')
  t.notMatch(log, PASSWORD, 'the password is not')
  return log
}

t.test('P43: a start without the Redis that is configured ends within five seconds, naming host and port', async t => {
  await failsToStart(t, `127.0.0.1:${await freePort()}`)
})

t.test('P43: a start with a Redis that does not answer ends within five seconds, naming host and port', async t => {
  await failsToStart(t, `127.0.0.1:${await mutePort(t)}`)
})

t.test('P43: a start with the wrong password ends within five seconds, without naming it', async t => {
  const { redis } = await startCluster(t, { nodes: 0 })
  await redis.command('CONFIG', 'SET', 'requirepass', 'another-password')
  t.match(await failsToStart(t, `127.0.0.1:${redis.port}`), /WRONGPASS/)
})

t.test('P43: a start with a host that no name leads to ends within five seconds, naming it', async t => {
  // RFC 6761 §6.4: there is no such name.
  await failsToStart(t, 'redis.invalid:6379')
})

/** The answer, and how long it took. */
async function timed (ask: () => Promise<Answer>): Promise<Answer & { ms: number }> {
  const start = performance.now()
  const answer = await ask()
  return { ...answer, ms: Math.round(performance.now() - start) }
}

async function refusesAll (t: Test, node: ServerProcess): Promise<void> {
  const questions = {
    publish: () => node.publish({ room: 'lobby', data: 'lost' }),
    presence: () => node.get('/presence/alice'),
    ready: () => node.get('/ready')
  }
  for (const [name, ask] of Object.entries(questions)) {
    const { status, ms, headers, body } = await timed(ask)
    t.equal(status, 503, `${name} is refused`)
    t.match(body, { statusCode: 503, code: /^(unavailable|outcome_unknown)$/, error: 'Service Unavailable', message: String })
    t.match(headers.get('retry-after'), /^[1-9]\d*$/, `${name} says when to come back`)
    t.ok(ms < REFUSAL_MS, `${name} took ${ms} ms`)
  }
}

async function socketsAreOpen (t: Test, clients: readonly TestClient[]): Promise<void> {
  for (const client of clients) t.match(await client.ping(), { type: 'pong' })
}

async function isReady (nodes: readonly ServerProcess[]): Promise<void> {
  for (const node of nodes) await until(`${node.name} is ready again`, 200, async () => (await node.get('/ready')).status, RETURN_MS)
}

function isAbout (room: string): (frame: Frame) => boolean {
  return frame => 'room' in frame && frame.room === room
}

function messages (frames: readonly Frame[]): Array<[room: string, data: unknown]> {
  return frames.flatMap(frame => frame.type === 'message' ? [[frame.room, frame.data]] : [])
}

t.test('P42: while Redis is away all is refused and every socket stays; when it returns, empty, all is whole again, three times', async t => {
  const cluster = await startCluster(t, { nodes: 2 })
  const nodes = cluster.pair()
  const [node1, node2] = nodes
  const pids = nodes.map(({ pid }) => pid)
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  const bob = await connect(t, { url: node2.wsUrl, token: memberToken('bob') })
  const clients = [alice, bob]
  for (const client of clients) await client.subscribe('lobby')

  for (const round of [1, 2, 3]) {
    await cluster.redis.kill()
    await Promise.all(nodes.map(node => refusesAll(t, node)))
    await socketsAreOpen(t, clients)
    await t.rejects(alice.publish('lobby', 'lost'), { code: /^(unavailable|outcome_unknown)$/ })
    await t.rejects(alice.subscribe(`room-${round}`), { code: /^(unavailable|outcome_unknown)$/ })

    await cluster.redis.restart({ empty: true })
    await isReady(nodes)
    for (const [userId, { connectionId }] of [['alice', alice], ['bob', bob]] as const) {
      for (const node of nodes) {
        await until(`${userId} on ${node.name}`, [connectionId], async () => (await node.presence(userId)).connections.map(one => one.connectionId), RETURN_MS)
      }
    }
    await alice.subscribe(`room-${round}`)
    await node1.publish({ room: 'lobby', data: `round ${round}` })
    await node1.publish({ room: `room-${round}`, data: 'new' })
    const [toAlice = [], toBob = []] = await receivedBy(node1, clients)
    for (const frames of [toAlice, toBob]) t.match(frames.find(isAbout('lobby')), { type: 'gap' }, 'the loss of the numbering is told first')
    t.same(messages(toAlice), [['lobby', `round ${round}`], [`room-${round}`, 'new']], 'exactly one copy each')
    t.same(messages(toBob), [['lobby', `round ${round}`]], 'exactly one copy')
  }
  await socketsAreOpen(t, clients)
  t.same(nodes.map(({ pid, isRunning }) => isRunning && pid), pids, 'both are the same processes')
  t.notMatch(nodes.flatMap(({ logs }) => logs).join('\n'), /MaxListeners|"level":60/)
})

t.test('what was refused while Redis stood still never happens', async t => {
  const cluster = await startCluster(t, { nodes: 1 })
  const [node] = cluster.nodes
  if (node === undefined) return
  const alice = await connect(t, { url: node.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  cluster.redis.pause()
  const { status, ms, body } = await timed(() => node.publish({ room: 'lobby', data: 'refused' }))
  cluster.redis.resume()
  t.match({ status, body }, { status: 503, body: { code: /^(unavailable|outcome_unknown)$/ } })
  t.ok(ms < REFUSAL_MS, `it took ${ms} ms`)
  await isReady([node])
  const frames = (await receivedBy(node, [alice])).flat()
  t.same(frames.filter(frame => frame.type === 'message'), [])
})
