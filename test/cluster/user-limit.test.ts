import t from 'tap'
import { connect, TestClient } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { ClosedError } from '../helpers/inbox.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const MOST = 3
const LEASE_MS = 2_000
const LEASE = { HEARTBEAT_MS: '600', LEASE_MS: String(LEASE_MS) }

/** How an attempt to connect ended. */
async function attempt (opening: Promise<TestClient>): Promise<TestClient | number> {
  return opening.catch(error => {
    if (error instanceof ClosedError) return error.code
    throw error
  })
}

t.test('a user has so many connections on all nodes together, and those of a killed node do not count', async t => {
  const cluster = await startCluster(t, { env: { MAX_CONNECTIONS_PER_USER: String(MOST), ...LEASE } })
  const [first, second] = cluster.pair()
  const bearer = memberToken('alice')
  const urls = [first.wsUrl, second.wsUrl]
  const outcomes = await Promise.all(Array.from({ length: 12 }, (_, n) => attempt(connect(t, { url: urls[n % 2] ?? '', token: bearer }))))
  t.equal(outcomes.filter(one => one instanceof TestClient).length, MOST)
  t.same(new Set(outcomes.filter(one => typeof one === 'number')), new Set([4429]))
  t.equal((await second.presence('alice')).connections.length, MOST)
  t.match(await first.get('/ws', { authorization: `Bearer ${bearer}` }), { status: 429, body: { code: 'limit_exceeded' } }, 'who asks why is told')
  await connect(t, { url: first.wsUrl, token: memberToken('bob') })

  const onFirst = (await second.presence('alice')).connections.filter(({ nodeName }) => nodeName === first.name)
  await cluster.kill(second)
  await until('connections that count', onFirst.length, async () => (await first.presence('alice')).connections.length, LEASE_MS + 5_000)
  const back = await Promise.all(Array.from({ length: MOST }, () => attempt(connect(t, { url: first.wsUrl, token: bearer }))))
  t.equal(back.filter(one => one instanceof TestClient).length, MOST - onFirst.length)
})

t.test('with the policy to replace, the oldest ends on whichever node it is', async t => {
  const cluster = await startCluster(t, { env: { MAX_CONNECTIONS_PER_USER: '1', CONNECTIONS_PER_USER_POLICY: 'replace' } })
  const [first, second] = cluster.pair()
  const oldest = await connect(t, { url: first.wsUrl, token: memberToken('alice') })
  const newer = await connect(t, { url: second.wsUrl, token: memberToken('alice') })
  t.match(await oldest.closed, { code: 4409, reason: 'replaced by a newer connection' })
  await until('connections', [newer.connectionId], async () => (await first.presence('alice')).connections.map(({ connectionId }) => connectionId))
  await newer.ping()
})

t.end()
