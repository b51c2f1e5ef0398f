import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { startRedis } from '../helpers/redis-server.ts'
import type { Answer, ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

/** Two seconds are promised; the rest is for a busy machine. */
const REFUSAL_MS = 2_500
const RETURN_MS = 10_000
const KEYS = 5_000
/** So long each of them takes to load: five seconds in all. */
const KEY_DELAY_US = 1_000

/** What Redis answers to whoever asks it something now. */
async function stateOf ({ redis }: Cluster): Promise<string> {
  // To who wants to write a replica says READONLY before it says LOADING.
  const answers = [['GET', 'probe'], ['SET', 'probe', '1']].map(([name = '', ...args]) => redis.command(name, ...args).then(() => 'works', String))
  return /LOADING|READONLY|$/.exec((await Promise.all(answers)).join())?.[0] ?? ''
}

async function timed (ask: () => Promise<Answer>): Promise<Answer & { ms: number }> {
  const start = performance.now()
  const answer = await ask()
  return { ...answer, ms: Math.round(performance.now() - start) }
}

/** Publishing is refused in time, and so is what else Redis cannot do then. */
async function refuses (t: Test, node: ServerProcess, client: TestClient, state: string): Promise<void> {
  const { status, ms, body } = await timed(() => node.publish({ room: 'lobby', data: `refused while ${state}` }))
  t.match({ status, body }, { status: 503, body: { code: /^(unavailable|outcome_unknown)$/ } }, `${state}: a publish is refused`)
  t.ok(ms < REFUSAL_MS, `after ${ms} ms`)
  const presence = await timed(() => node.get('/presence/alice'))
  t.ok([200, 503].includes(presence.status) && presence.ms < REFUSAL_MS, `${state}: presence is answered ${presence.status} after ${presence.ms} ms`)
  await t.rejects(client.publish('lobby', `refused while ${state}`), { code: /^(unavailable|outcome_unknown)$/ })
  t.match(await client.ping(), { type: 'pong' })
}

// redis/ioredis#358: connected is not ready. A replica that gets the state of its master answers LOADING on the connections that it has, then READONLY.
t.test('P45: what a Redis refuses that loads, or that may not be written to, is answered 503 and never happens, and after it all is whole', async t => {
  const cluster = await startCluster(t)
  const { redis, nodes } = cluster
  const [node1, node2] = cluster.pair()
  const pids = nodes.map(({ pid }) => pid)
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  const other = await startRedis(t)
  await other.command('EVAL', `for i = 1, ${KEYS} do redis.call("SET", "unrelated:" .. i, i) end`, '0')
  await other.command('CONFIG', 'SET', 'repl-diskless-sync-delay', '0')
  await redis.command('CONFIG', 'SET', 'key-load-delay', `${KEY_DELAY_US}`, 'loading-process-events-interval-bytes', '1024')

  await redis.command('REPLICAOF', '127.0.0.1', `${other.port}`)
  await until('the state of Redis', 'LOADING', () => stateOf(cluster), RETURN_MS)
  for (const node of nodes) await refuses(t, node, alice, 'loading')
  t.equal((await node1.get('/ready')).status, 503)
  t.equal(await stateOf(cluster), 'LOADING', 'all the time')
  await until('the state of Redis', 'READONLY', () => stateOf(cluster), RETURN_MS)
  for (const node of nodes) await refuses(t, node, alice, 'read only')
  t.equal(await stateOf(cluster), 'READONLY', 'all the time')

  await redis.promote()
  for (const node of nodes) {
    await until(`${node.name} is ready`, 200, async () => (await node.get('/ready')).status, RETURN_MS)
    await until(`alice on ${node.name}`, [alice.connectionId], async () => {
      const { status, body } = await node.get('/presence/alice')
      return status === 200 ? (body['connections'] as Array<{ connectionId: string }>).map(({ connectionId }) => connectionId) : status
    }, RETURN_MS)
  }
  t.equal((await node2.publish({ room: 'lobby', data: 'after' })).status, 200)
  const [received = []] = await receivedBy(node2, [alice])
  t.same(received.flatMap(frame => frame.type === 'message' ? [frame.data] : []), ['after'], 'nothing that was refused')
  t.same((await node2.history('lobby')).map(({ data }) => data), ['after'])
  t.same(nodes.map(({ pid, isRunning }) => isRunning && pid), pids, 'both are the same processes')
  t.notMatch(nodes.flatMap(({ logs }) => logs).join('\n'), /"level":(50|60)/)
})
