import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startProxy, type TcpProxy } from '../client/tcp-proxy.ts'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { dataOf, gatherCrowd, type Answer, type Crowd } from '../helpers/crowd.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const ROUNDS = 2
/** Publishes that a node is sent at once over REST, and as many by frames. */
const AT_ONCE = 20
const PACE_MS = 200
const RETURN_MS = 15_000
const env = { HEARTBEAT_MS: '500', LEASE_MS: '3000', ROOMS: JSON.stringify([{ pattern: 'lobby', history: { size: 100_000 } }]) }

interface Scene {
  readonly cluster: Cluster
  /** The nodes' way to Redis. */
  readonly way: TcpProxy
  readonly crowd: Crowd
  /** One on each node, that is subscribed. */
  readonly listeners: readonly TestClient[]
  /** What they were told so far. */
  readonly told: unknown[]
}

async function start (t: Test): Promise<Scene> {
  const redis = await startRedis(t)
  const way = await startProxy(t, redis.url)
  const cluster = await startCluster(t, { redis, env: { ...env, REDIS_URL: way.redisUrl } })
  const listeners: TestClient[] = []
  for (const node of cluster.nodes) {
    const listener = await connect(t, { url: node.wsUrl, token: memberToken('listener') })
    await listener.subscribe('lobby')
    listeners.push(listener)
  }
  return { cluster, way, listeners, crowd: await gatherCrowd(t, cluster.nodes, 'lobby', AT_ONCE), told: [] }
}

/** Waits until both nodes are back at Redis, and it has read all that they had sent it over links that are closed by now. */
async function isBack ({ redis, nodes }: Cluster): Promise<void> {
  for (const node of nodes) await until(`${node.name} ready`, 200, async () => (await node.get('/ready')).status, RETURN_MS)
  await until('links of the nodes', nodes.length * 2, async () =>
    String(await redis.command('CLIENT', 'LIST')).split('\n').filter(line => line.includes('name=roomcast-')).length, RETURN_MS)
}

/** All that has happened: what the history holds, once each listener was seen to have got exactly that. */
async function happened (t: Test, { cluster, listeners, told }: Scene): Promise<Set<string>> {
  const [node] = cluster.pair()
  const received = await receivedBy(node, listeners)
  const held = (await node.history('lobby')).map(({ data }) => String(data))
  for (const frames of received) {
    const data = frames.flatMap(frame => frame.type === 'message' && frame.room === 'lobby' ? [String(frame.data)] : [])
    t.same(data, held.slice(told.length), 'who listens got what is in the history, each once')
  }
  told.splice(0, told.length, ...held)
  t.equal(new Set(held).size, held.length, 'nothing happened twice')
  return new Set(held)
}

function both (set: ReadonlySet<string>, data: readonly string[]): string[] {
  return data.filter(one => set.has(one))
}

function tell (t: Test, round: number, answers: readonly Answer[]): void {
  t.comment(`round ${round}: ${['unavailable', 'outcome_unknown'].map(code => `${dataOf(answers, code).length} ${code}`).join(', ')}`)
}

t.test('what was refused while Redis stood still never arrives, with either code, many at once on two nodes, twice', async t => {
  const scene = await start(t)
  const { cluster, crowd } = scene
  for (let round = 1; round <= ROUNDS; round++) {
    await crowd.publish(`before ${round}`)
    const count = crowd.answers.length
    cluster.redis.pause()
    await crowd.publish(`stopped ${round}`)
    // Until the nodes have noticed.
    for (let last: Answer[] = []; last.length === 0 || dataOf(last, 'unavailable').length < last.length;) last = await crowd.publish(`noticed ${round}`)
    const refused = crowd.answers.slice(count)
    t.same(dataOf(refused, undefined), [], 'all was refused')
    cluster.redis.resume()
    await isBack(cluster)
    const now = await happened(t, scene)
    for (const code of ['unavailable', 'outcome_unknown']) t.same(both(now, dataOf(refused, code)), [], `nothing of what was ${code}`)
    tell(t, round, refused)
  }
  await crowd.publish('after')
  t.same(new Set(crowd.data(undefined)), await happened(t, scene), 'exactly what was answered with a position is there')
  for (const way of crowd.ways) {
    for (const code of ['unavailable', 'outcome_unknown']) t.ok(dataOf(crowd.answers.filter(answer => answer.way === way), code).length > 0, `${way} was answered ${code}`)
  }
})

t.test('what is under way when Redis goes on happens at most once, as it is answered, and nothing that was answered before', async t => {
  const scene = await start(t)
  const { cluster, crowd } = scene
  for (let round = 1; round <= ROUNDS; round++) {
    const count = crowd.answers.length
    cluster.redis.pause()
    const over = new AbortController()
    const publishing = (async () => {
      const all: Array<Promise<unknown>> = []
      for (; !over.signal.aborted; await delay(PACE_MS)) all.push(crowd.publish(`round ${round}`))
      await Promise.all(all)
    })()
    await until('an answer', true, () => crowd.answers.length > count, 5_000)
    const early = crowd.answers.slice(count)
    cluster.redis.resume()
    await until('a publication', true, () => dataOf(crowd.answers.slice(count), undefined).length > 0, RETURN_MS)
    over.abort()
    await publishing
    await isBack(cluster)
    const now = await happened(t, scene)
    for (const code of ['unavailable', 'outcome_unknown']) t.same(both(now, dataOf(early, code)), [], `nothing of what was ${code} before`)
    t.same(both(now, crowd.data('unavailable')), [], 'nothing unavailable, before or after')
    t.equal(both(now, crowd.data(undefined)).length, crowd.data(undefined).length, 'all that was answered with a position')
    tell(t, round, crowd.answers.slice(count))
  }
})

t.test('what was refused because the links were cut while Redis stood still never arrives either', async t => {
  const scene = await start(t)
  const { cluster, way, crowd } = scene
  for (let round = 1; round <= ROUNDS; round++) {
    const count = crowd.answers.length
    cluster.redis.pause()
    const publishing = crowd.publish(`cut ${round}`)
    // Two round trips through each node's event loop, so that it has read what it was sent.
    for (const node of [...cluster.nodes, ...cluster.nodes]) await node.get('/live')
    way.cut()
    const refused = await publishing
    t.ok(dataOf(refused, 'outcome_unknown').length > 0, 'Redis has some of it')
    cluster.redis.resume()
    way.heal()
    await isBack(cluster)
    const now = await happened(t, scene)
    for (const code of [undefined, 'unavailable', 'outcome_unknown']) t.same(both(now, dataOf(refused, code)), [], `nothing of what was ${code ?? 'answered with a position'}`)
    tell(t, round, crowd.answers.slice(count))
  }
})

t.test('what is under way when the links are cut happens at most once, and all that was answered with a position has', async t => {
  const scene = await start(t)
  const { cluster, way, crowd } = scene
  for (let round = 1; round <= ROUNDS * 2; round++) {
    const count = crowd.answers.length
    const publishing = crowd.publish(`cut ${round}`)
    await until('a publication', true, () => dataOf(crowd.answers.slice(count), undefined).length > 0)
    way.cut()
    way.heal()
    await publishing
    await isBack(cluster)
  }
  const now = await happened(t, scene)
  t.same(both(now, crowd.data('unavailable')), [])
  t.equal(both(now, crowd.data(undefined)).length, crowd.data(undefined).length)
  const unknown = crowd.data('outcome_unknown')
  t.comment(`${both(now, unknown).length} of ${unknown.length} unknown outcomes have happened`)
})
