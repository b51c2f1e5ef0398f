import t, { type Test } from 'tap'
import { connect, connectRefused, connectSoon, type TestClient } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

/** The promise: a revocation holds on every node within this time. */
const HOLDS_MS = 1_000
/** What it takes until a cut link to Redis is up again, and compared. */
const BACK_MS = 15_000

const expiresAt = Date.now() + 3_600_000

const cluster = await startCluster(t)

async function revoke (node: ServerProcess, body: object): Promise<void> {
  const { status, text } = await node.post('/revocations', JSON.stringify({ expiresAt, ...body }))
  t.equal(status, 201, text)
  t.same(JSON.parse(text), { expiresAt, ...body })
}

/** Waits until a token is refused on a node, over the WebSocket's address and over REST. */
async function isRefused (node: ServerProcess, bearer: string, ms = HOLDS_MS): Promise<void> {
  const headers = { authorization: `Bearer ${bearer}` }
  await until(`refused by ${node.name}`, [401, 401], async () => [
    (await node.get('/ws', headers)).status, (await node.get('/presence/alice', headers)).status
  ], ms)
}

async function endsAs (client: TestClient, code: number, sinceMs: number): Promise<void> {
  t.match(await client.closed, { code })
  t.ok(performance.now() - sinceMs < HOLDS_MS, 'within a second')
}

t.test('a token that is revoked on one node ends on the others, and is refused on all, also after restarts', async t => {
  const [first, second] = cluster.pair()
  const stolen = token({ sub: 'alice', jti: 'stolen', scope: 'presence:read' })
  const kept = token({ sub: 'alice', jti: 'kept', scope: 'presence:read' })
  const here = await connect(t, { url: first.wsUrl, token: stolen })
  const there = await connect(t, { url: second.wsUrl, token: stolen })
  const other = await connect(t, { url: second.wsUrl, token: kept })
  const since = performance.now()
  await revoke(first, { jti: 'stolen' })
  await Promise.all([endsAs(here, 4401, since), endsAs(there, 4401, since)])
  for (const node of cluster.pair()) await isRefused(node, stolen)
  t.match(await connectRefused(t, { url: second.wsUrl, token: stolen }), { status: 401, body: { code: 'unauthorized' } })
  await other.ping()

  for (const node of cluster.pair()) await cluster.terminate(node)
  cluster.nodes.splice(0, 2)
  for (let count = 0; count < 2; count++) await cluster.start()
  for (const node of cluster.pair()) {
    await isRefused(node, stolen)
    t.equal((await node.get('/presence/alice', { authorization: `Bearer ${kept}` })).status, 200)
  }
})

t.test('by user and time of issue, older tokens end and newer ones stay', async t => {
  const [first, second] = cluster.pair()
  const now = Math.floor(Date.now() / 1_000)
  const old = await connect(t, { url: second.wsUrl, token: memberToken('bob', { iat: now - 60 }) })
  const undated = await connect(t, { url: second.wsUrl, token: memberToken('bob') })
  const fresh = await connect(t, { url: second.wsUrl, token: memberToken('bob', { iat: now }) })
  const since = performance.now()
  await revoke(first, { user: 'bob', issuedBefore: now * 1_000 })
  await Promise.all([old, undated].map(client => endsAs(client, 4401, since)))
  await fresh.ping()
})

t.test('a ban from a room holds on the other node, for who is there and for who comes', async t => {
  const [first, second] = cluster.pair()
  const carol = await connect(t, { url: second.wsUrl, token: memberToken('carol') })
  const dave = await connect(t, { url: second.wsUrl, token: memberToken('dave') })
  for (const client of [carol, dave]) await client.subscribe('lobby')
  await revoke(first, { user: 'carol', room: 'lobby' })
  t.match(await carol.inbox.next('end of the subscription'), { type: 'unsubscribed', room: 'lobby', code: 'room_forbidden' })
  await until('members of the room', ['dave'], async () => (await first.members('lobby')).members.map(({ userId }) => userId))
  await first.publish({ room: 'lobby', data: 'not for carol' })
  t.match(await dave.inbox.next('publication'), { type: 'message', data: 'not for carol' })
  await t.rejects(carol.subscribe('lobby'), { code: 'room_forbidden' })
  await carol.subscribe('hall')
  const back = await connect(t, { url: first.wsUrl, token: memberToken('carol', { rooms: ['lobby'] }) })
  t.notOk(back.welcome.rooms.some(({ room }) => room === 'lobby'))
  t.match(await back.inbox.next('refusal'), { type: 'error', room: 'lobby', code: 'room_forbidden' })
})

t.test('a refresh is for the same user and for a token that holds, and keeps the connection', async t => {
  const [first, second] = cluster.pair()
  const client = await connect(t, { url: second.wsUrl, token: memberToken('erin') })
  const revoked = memberToken('erin', { jti: 'revoked' })
  await revoke(first, { jti: 'revoked' })
  await isRefused(second, revoked)
  for (const bad of [revoked, memberToken('frank'), token({ sub: 'erin', exp: 1 }), 'garbage']) {
    client.send(JSON.stringify({ type: 'refresh', token: bad }))
    t.match(await client.inbox.next('refusal'), { type: 'error', code: 'unauthorized' })
  }
  const exp = Math.floor(Date.now() / 1_000) + 7_200
  client.send(JSON.stringify({ type: 'refresh', id: 'r', token: memberToken('erin', { exp }) }))
  t.same(await client.inbox.next('answer'), { type: 'refreshed', id: 'r', expiresAt: exp * 1_000 })
})

async function restartEmpty (t: Test, restart: () => Promise<void>): Promise<void> {
  const [first, second] = cluster.pair()
  const gone = memberToken('grace')
  await revoke(first, { user: 'grace' })
  await isRefused(second, gone)
  await restart()
  await until('ready', 200, async () => (await first.get('/ready')).status, BACK_MS)
  await until('the revocation in Redis', true, async () => {
    const kept = await cluster.redis.command('ZRANGE', cluster.keys.revocations(), '0', '-1') as string[]
    return kept.some(text => text.includes('grace'))
  }, BACK_MS)
  const third = await cluster.start()
  await isRefused(third, gone)
  await connectSoon(t, { url: third.wsUrl, token: memberToken('heidi') })
}

t.test('what was revoked stands though Redis came back empty, for nodes that start then too', async t => {
  await restartEmpty(t, async () => { await cluster.redis.restart({ empty: true }) })
})

t.test('bad revocations change nothing, and need the scope', async t => {
  const [first] = cluster.pair()
  const bodies: Array<[unknown, string]> = [
    [{ expiresAt }, 'request_invalid'],
    [{ user: 'x' }, 'request_invalid'],
    [{ user: 'x', expiresAt: 1 }, 'request_invalid'],
    [{ user: 'x', expiresAt: String(expiresAt) }, 'request_invalid'],
    [{ user: 'x', expiresAt, until: 1 }, 'request_invalid'],
    [{ user: 'x', room: '$all', expiresAt }, 'room_forbidden'],
    [{ user: '\u0000', expiresAt }, 'user_invalid'],
    [[], 'request_invalid']
  ]
  for (const [body, code] of bodies) t.match(await first.post('/revocations', JSON.stringify(body)), { body: { code } }, JSON.stringify(body))
  const bearer = `Bearer ${token({ sub: 'backend', scope: 'publish' })}`
  t.match(await first.post('/revocations', JSON.stringify({ user: 'x', expiresAt }), { authorization: bearer }), { status: 403, body: { code: 'scope_forbidden' } })
  t.equal((await first.post('/revocations', JSON.stringify({ user: 'x', expiresAt }), {})).status, 401)
  const client = await connect(t, { url: first.wsUrl, token: memberToken('x') })
  await client.ping()
})

t.end()
