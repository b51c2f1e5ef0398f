import t, { type Test } from 'tap'
import { connect, connectRefused, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { scrape, type Scrape } from '../helpers/scrape.ts'
import { API_KEY, withKey, type ServerProcess } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const [SCRAPER_KEY, OTHER_KEY] = ['a-key-that-may-only-read-metrics-0123456789', 'a-key-that-may-only-publish-0123456789abcdef']
const LARGE = 'x'.repeat(60_000)

const cluster = await startCluster(t, {
  nodes: 2,
  env: {
    HEARTBEAT_MS: '300',
    LEASE_MS: '2000',
    MAX_BUFFERED_BYTES: '65536',
    API_KEYS: `tests:${API_KEY},scraper:${SCRAPER_KEY}:metrics,other:${OTHER_KEY}:publish`,
    ROOMS: '[{"pattern":"prices","slow":"latest","history":{"size":0}},{"pattern":"flood","history":{"size":0}}]'
  }
})
const [node1, node2] = cluster.pair()

function join (t: Pick<Test, 'after'>, node: ServerProcess, sub: string, claims: Record<string, unknown> = {}): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: memberToken(sub, claims) })
}

/** Waits until a node has counted what the test has caused. */
async function counted (node: ServerProcess, series: string, isEnough: (value: number) => boolean, ms?: number): Promise<Scrape> {
  let seen: Scrape | undefined
  await until(`${series} of ${node.name}`, true, async () => {
    seen = await scrape(node)
    return isEnough(seen.of(series))
  }, ms)
  return seen ?? scrape(node)
}

t.test('only who has the scope metrics may read them, as text', async t => {
  for (const headers of [withKey(SCRAPER_KEY), withKey(token({ scope: 'metrics' }))]) {
    const answer = await node1.get('/metrics', headers)
    t.equal(answer.status, 200)
    t.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  }
  t.equal((await node1.get('/metrics', {})).status, 401)
  for (const headers of [withKey(OTHER_KEY), withKey(memberToken('alice'))]) t.equal((await node1.get('/metrics', headers)).status, 403)
})

t.test('connections, rooms, subscriptions, publications and deliveries are counted exactly', async t => {
  const before = await scrape(node1)
  const [alice, bob] = [await join(t, node1, 'alice'), await join(t, node1, 'bob')]
  for (const client of [alice, bob]) await client.subscribe('lobby')
  const first = await alice.publish('lobby', 'by a connection')
  const key = 'the-same-twice'
  for (let count = 0; count < 2; count++) t.equal((await node1.publish({ room: 'lobby', data: 'by a backend', key })).status, 200)
  t.equal((await node2.publish({ rooms: ['lobby', 'attic'], data: 'through another node', volatile: true })).status, 200)
  await receivedBy(node2, [alice, bob])

  const after = await scrape(node1)
  // Each is subscribed to the lobby, to its own room and to that of everyone.
  t.same(after.all('roomcast_connections', 'roomcast_rooms', 'roomcast_subscriptions'), [2, 1, 6])
  const grown = (series: string): number => after.of(series) - before.of(series)
  t.same(['connection', 'backend'].map(source => grown(`roomcast_published_total{source="${source}"}`)), [1, 1], 'a retry is none')
  t.same(['kept', 'volatile'].map(kind => grown(`roomcast_received_total{kind="${kind}"}`)), [3, 1], 'with the barrier, without the room that nobody here is in')
  t.equal(grown('roomcast_deliveries_total'), 8)
  t.equal(grown('roomcast_connects_total'), 2)
  t.ok(grown('roomcast_frames_total') >= 3)
  t.ok(grown('roomcast_fanout_seconds_count') >= 3)
  t.equal(after.of('roomcast_fanout_seconds_bucket{le="+Inf"}'), after.of('roomcast_fanout_seconds_count'))
  t.ok(grown('roomcast_redis_call_seconds_count') > 3)
  t.ok(after.of('roomcast_redis_call_seconds_sum') > 0)

  const carol = await join(t, node1, 'carol')
  const { epoch = '', offset = 0 } = first
  t.match(await carol.subscribe('lobby', { since: { epoch, offset } }), { recovered: true, publications: [{}] })
  const dave = await join(t, node1, 'dave')
  t.match(await dave.subscribe('lobby', { since: { epoch: 'of another time', offset: 1 } }), { recovered: false })
  const recovered = await scrape(node1)
  t.same(recovered.all('roomcast_recoveries_total{recovered="true"}', 'roomcast_recoveries_total{recovered="false"}'), [1, 1])
  t.same(recovered.all('roomcast_recovered_publications_count', 'roomcast_recovered_publications_sum'), [1, 1])
})

t.test('refused upgrades, requests and frames are counted by why, and closes by code', async t => {
  t.equal((await connectRefused(t, { url: node1.wsUrl, token: 'no token' })).status, 401)
  t.equal((await node1.get('/presence/%0A')).status, 400)
  const eve = await join(t, node1, 'eve', { can: { subscribe: ['lobby'] } })
  await t.rejects(eve.subscribe('attic'), { code: 'room_forbidden' })
  eve.send(']')
  t.equal((await eve.closed).code, 4400)
  const seen = await counted(node1, 'roomcast_closes_total{code="4400"}', value => value === 1)
  t.same(seen.all('roomcast_refused_upgrades_total{status="401"}', 'roomcast_frame_refusals_total{code="room_forbidden"}', 'roomcast_frame_refusals_total{code="frame_invalid"}'), [1, 1, 1])
  t.ok(seen.of('roomcast_request_refusals_total{code="unauthorized"}') >= 1)
  t.ok(seen.of('roomcast_request_refusals_total{code="scope_forbidden"}') >= 2)
  t.equal(seen.of('roomcast_request_refusals_total{code="user_invalid"}') + seen.of('roomcast_request_refusals_total{code="request_invalid"}'), 1)
})

t.test('a slow consumer shows: in what waits, in what it is spared, and in its close', async t => {
  const lazy = async (room: string): Promise<void> => {
    const socket = rawSocket(t, { url: node1.wsUrl, token: memberToken(`lazy in ${room}`, { rooms: [room] }) })
    await socket.nextJson('welcome')
    socket.socket.pause()
  }
  const flood = (room: string): Promise<unknown> => Promise.all(Array.from({ length: 10 }, () => node1.publish({ room, data: LARGE })))
  await lazy('prices')
  const skipping = await (async () => {
    for (;;) {
      await flood('prices')
      const seen = await scrape(node1)
      // First what the kernel takes must be full.
      if (seen.of('roomcast_skipped_total') > 0 && seen.of('roomcast_buffered_bytes') > 0) return seen
    }
  })()
  t.equal(skipping.of('roomcast_closes_total{code="4413"}'), 0)
  await lazy('flood')
  while ((await scrape(node1)).of('roomcast_closes_total{code="4413"}') === 0) await flood('flood')
})

t.test('revocations and refreshed tokens are counted, on every node that learns of them', async t => {
  const frank = await join(t, node1, 'frank')
  frank.send(JSON.stringify({ type: 'refresh', token: memberToken('frank') }))
  await frank.ping()
  t.equal((await node2.post('/revocations', JSON.stringify({ user: 'frank', expiresAt: Date.now() + 60_000 }))).status, 201)
  t.equal((await frank.closed).code, 4401)
  const seen = await counted(node1, 'roomcast_closes_total{code="4401"}', value => value === 1)
  t.same(seen.all('roomcast_token_refreshes_total', 'roomcast_revocations_total'), [1, 1])
})

t.test('a link that was cut shows as another connect, and what was missed as a gap that was healed', async t => {
  const client = await join(t, node1, 'grace')
  await client.subscribe('den')
  const before = await scrape(node1)
  await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await node2.publish({ room: 'den', data: 'missed' })
  t.match(await client.inbox.next('what was missed'), { data: 'missed' })
  const seen = await counted(node1, 'roomcast_redis_connects_total{role="subscriber"}', value => value === before.of('roomcast_redis_connects_total{role="subscriber"}') + 1)
  t.equal(seen.of('roomcast_gaps_total{outcome="healed"}') - before.of('roomcast_gaps_total{outcome="healed"}'), 1)
  t.same(seen.all('roomcast_redis_ready{role="publisher"}', 'roomcast_redis_ready{role="subscriber"}', 'roomcast_lease_held', 'roomcast_draining'), [1, 1, 1, 0])
})

t.test('a node that was swept is counted by the one that swept it', async () => {
  await cluster.kill(node2)
  await counted(node1, 'roomcast_nodes_swept_total', value => value === 1, 10_000)
})

t.test('a Redis that is away shows in what fails, and one that came back empty in the lease and in a gap that was told', async t => {
  const client = await join(t, node1, 'heidi')
  await client.subscribe('cave')
  await node1.publish({ room: 'cave', data: 'will be lost' })
  const before = await scrape(node1)
  await cluster.redis.kill()
  const away = await counted(node1, 'roomcast_heartbeat_failures_total', value => value > before.of('roomcast_heartbeat_failures_total'))
  t.same(away.all('roomcast_redis_ready{role="publisher"}', 'roomcast_lease_held'), [0, 0])
  t.equal((await node1.publish({ room: 'cave', data: 'refused' })).status, 503)
  await cluster.redis.restart({ empty: true })
  const back = await counted(node1, 'roomcast_lease_losses_total', value => value === 1, 10_000)
  t.equal(back.of('roomcast_lease_held'), 1)
  t.ok(back.of('roomcast_request_refusals_total{code="unavailable"}') >= 1)
  t.ok(back.of('roomcast_redis_call_failures_total{code="unavailable"}') >= 1)
  await counted(node1, 'roomcast_gaps_total{outcome="told"}', value => value >= 1, 10_000)
})

t.end()
