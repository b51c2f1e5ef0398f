import t from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { nodeIdOf, startCluster } from '../helpers/cluster.ts'
import { equalsServer, watch } from '../helpers/member-list.ts'
import { API_KEY, withKey, type Answer, type ServerProcess } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const LEASE_MS = 2_000
/** A node that was cut off has its links, its lease and what it missed again. */
const BACK_MS = 10_000

const cluster = await startCluster(t, { env: { HEARTBEAT_MS: '500', LEASE_MS: `${LEASE_MS}` } })
const [first, second] = cluster.pair()

function order (node: ServerProcess, request: string, headers: Record<string, string> = withKey(API_KEY)): Promise<Answer> {
  const [method = '', path = ''] = request.split(' ')
  return node.fetch(path, { method, headers })
}

/** Gives an order of which so many live connections are told. */
async function ordered (node: ServerProcess, request: string, connections: number): Promise<void> {
  const { status, body, text } = await order(node, request)
  t.same({ status, body }, { status: 202, body: { connections } }, `${request}: ${text}`)
}

/** A user whose token allows nothing. */
function guest (node: ServerProcess, sub: string): Promise<TestClient> {
  return connect(t, { url: node.wsUrl, token: token({ sub }) })
}

/** The connections of a user, as the route lists them. */
async function listed (userId: string): Promise<string[]> {
  const { body } = await first.get(`/users/${encodeURIComponent(userId)}/connections`)
  return (body['connections'] as Array<{ connectionId: string }>).map(({ connectionId }) => connectionId)
}

/** What the log has of the orders about somebody or something, once there are so many lines. */
async function logged (node: ServerProcess, whom: string, lines: number): Promise<Array<Record<string, unknown>>> {
  const about = (): string[] => node.logs.filter(line => line.includes('was ordered') && line.includes(JSON.stringify(whom)))
  await until(`lines about ${whom}`, lines, () => about().length)
  return about().map(line => JSON.parse(line) as Record<string, unknown>)
}

t.test('a user is listed and disconnected on every node, but for the connection that is left out', async t => {
  const here = await guest(first, 'alice {a}')
  const there = await guest(second, 'alice {a}')
  const kept = await guest(second, 'alice {a}')
  const bob = await guest(second, 'bob')
  t.same(await listed('alice {a}'), [here, there, kept].map(({ connectionId }) => connectionId))
  const path = `/users/${encodeURIComponent('alice {a}')}/connections`
  await ordered(first, `DELETE ${path}?except=${kept.connectionId}&code=4401&reason=${encodeURIComponent('new rights: é')}`, 2)
  for (const { closed } of [here, there]) t.same(await closed, { code: 4401, reason: 'new rights: é' })
  await Promise.all([kept.ping(), bob.ping()])
  await until('connections that are left', [kept.connectionId], () => listed('alice {a}'))
  await ordered(first, `DELETE ${path}`, 1)
  t.same(await kept.closed, { code: 4403, reason: 'disconnected by the API' })
  await until('connections that are left', [], () => listed('alice {a}'))
  await ordered(first, `DELETE ${path}`, 0)
  t.match(await logged(first, 'alice {a}', 3), [
    { level: 30, msg: 'a disconnect was ordered', userId: 'alice {a}', except: kept.connectionId, code: 4401, connections: 2, caller: 'key:tests', reqId: String },
    { userId: 'alice {a}', connections: 1 }, { userId: 'alice {a}', connections: 0 }
  ])
})

t.test('one connection is disconnected wherever it is, and is unknown then', async t => {
  const there = await guest(second, 'carol')
  const other = await guest(second, 'carol')
  await ordered(first, `DELETE /connections/${there.connectionId}?code=1001`, 1)
  t.same(await there.closed, { code: 1001, reason: 'going away' })
  await until('connections that are left', [other.connectionId], () => listed('carol'))
  t.match(await order(first, `DELETE /connections/${there.connectionId}`), { status: 404, body: { code: 'connection_unknown' } })
  await other.ping()
  t.match(await logged(first, there.connectionId, 1), [{ code: 1001, caller: 'key:tests' }], 'what was refused was not ordered')
})

t.test('a user is put into a room on every node, and out of it, and watchers see the one join and the one leave', async t => {
  const list = await watch(await connect(t, { url: first.wsUrl, token: memberToken('watcher') }), 'lobby')
  const clients = [await guest(first, 'dave'), await guest(second, 'dave')]
  await ordered(second, 'PUT /rooms/lobby/members/dave', 2)
  for (const client of clients) t.match(await client.inbox.next('subscribed'), { type: 'subscribed', room: 'lobby', id: undefined })
  await equalsServer(list, second)
  t.same((await second.members('lobby')).members.map(({ userId }) => userId).sort(), ['dave', 'watcher'])
  await first.publish({ room: 'lobby', data: 'for whoever is in' })
  for (const client of clients) t.match(await client.inbox.next('publication'), { type: 'message', room: 'lobby', data: 'for whoever is in' })

  const [lost] = clients
  const next = await connect(t, {
    url: `${second.wsUrl}?resume=1`, token: token({ sub: 'dave' }), eager: [JSON.stringify({ type: 'resume', connectionId: lost?.connectionId, rooms: [{ room: 'lobby' }] })]
  })
  t.match(await next.inbox.next('refusal'), { type: 'error', room: 'lobby', code: 'room_forbidden' }, 'what was given is not resumed')
  await ordered(first, 'DELETE /rooms/lobby/members/dave', 3)
  for (const client of clients) t.same(await client.inbox.next('unsubscribed'), { type: 'unsubscribed', room: 'lobby', code: 'not_subscribed' })
  await equalsServer(list, second)
  t.same((await second.members('lobby')).members.map(({ userId }) => userId), ['watcher'])
  await next.ping()
  t.same([next.inbox.drain(), list.faults], [[], []])
  await ordered(first, 'DELETE /users/dave/connections', 3)
})

t.test('a node that stood still obeys when it goes on, but not for who came after the order', async t => {
  const old = await guest(second, 'erin')
  cluster.pause(second)
  await ordered(first, 'DELETE /users/erin/connections', 1)
  await ordered(first, 'PUT /rooms/lobby/members/erin', 1)
  const coming = guest(second, 'erin')
  const fresh = await guest(first, 'erin')
  cluster.resume(second)
  t.match(await old.closed, { code: 4403 })
  for (const client of [fresh, await coming]) {
    await client.ping()
    t.same(client.inbox.drain(), [])
  }
})

t.test('a node that was cut off from Redis for longer than its lease obeys when it is back, and leaves alone who came meanwhile', async t => {
  await cluster.redis.command('ACL', 'SETUSER', 'apart', 'on', '>secret', '~*', '&*', '+@all')
  const third = await cluster.start({ REDIS_URL: cluster.redis.url.replace('//', '//apart:secret@') })
  const list = await watch(await connect(t, { url: first.wsUrl, token: memberToken('watcher') }), 'hall')
  const [frank, grace] = [await guest(third, 'frank'), await guest(third, 'grace')]
  const lostId = await nodeIdOf(first, frank)
  await cluster.redis.command('ACL', 'SETUSER', 'apart', 'off')
  await cluster.redis.command('CLIENT', 'KILL', 'USER', 'apart')
  await cluster.isSwept(lostId, BACK_MS)
  await ordered(first, 'DELETE /users/frank/connections', 0)
  await ordered(first, 'PUT /rooms/hall/members/grace', 0)
  const fresh = await guest(second, 'frank')
  await cluster.redis.command('ACL', 'SETUSER', 'apart', 'on')
  t.match(await frank.closed, { code: 4403 })
  t.match(await grace.inbox.next('subscribed', BACK_MS), { type: 'subscribed', room: 'hall' })
  await until('connections that are left', [fresh.connectionId], () => listed('frank'), BACK_MS)
  await fresh.ping()
  await equalsServer(list, second, BACK_MS)
  await until('members', ['grace', 'watcher'], async () => (await second.members('hall')).members.map(({ userId }) => userId).sort(), BACK_MS)
  t.not(await nodeIdOf(first, grace), lostId, 'under a new name')
})

t.test('bad orders change nothing, and each needs its scope', async t => {
  const heidi = await guest(second, 'heidi')
  const bad: Array<[string, number, string]> = [
    ['DELETE /users/heidi/connections?code=4400', 400, 'request_invalid'],
    ['DELETE /users/heidi/connections?code=x', 400, 'request_invalid'],
    ['DELETE /users/heidi/connections?reason=', 400, 'request_invalid'],
    [`DELETE /users/heidi/connections?reason=${encodeURIComponent('é'.repeat(62))}`, 400, 'request_invalid'],
    ['DELETE /users/heidi/connections?except=*', 400, 'request_invalid'],
    ['DELETE /users/heidi/connections?why=x', 400, 'request_invalid'],
    ['DELETE /users/%00/connections', 400, 'user_invalid'],
    ['DELETE /connections/*', 400, 'request_invalid'],
    [`DELETE /connections/${heidi.connectionId}?except=x`, 400, 'request_invalid'],
    ['PUT /rooms/$all/members/heidi', 403, 'room_forbidden'],
    ['PUT /rooms/%00/members/heidi', 400, 'room_invalid'],
    ['DELETE /rooms/lobby/members/%00', 400, 'user_invalid']
  ]
  for (const [request, status, code] of bad) t.match(await order(first, request), { status, body: { code } }, request)
  const scopes = {
    'GET /users/heidi/connections': 'presence:read',
    'DELETE /users/heidi/connections': 'connections:write',
    [`DELETE /connections/${heidi.connectionId}`]: 'connections:write',
    'PUT /rooms/lobby/members/heidi': 'members:write',
    'DELETE /rooms/lobby/members/heidi': 'members:write'
  }
  const all = ['publish', 'presence:read', 'rooms:read', 'history:read', 'history:delete', 'members:write', 'connections:write', 'revoke']
  for (const [request, scope] of Object.entries(scopes)) {
    const others = all.filter(one => one !== scope).join(' ')
    t.match(await order(first, request, withKey(token({ scope: others }))), { status: 403, body: { code: 'scope_forbidden' } }, request)
    t.equal((await order(first, request, {})).status, 401, request)
  }
  await heidi.ping()
  t.same(heidi.inbox.drain(), [])
  t.equal((await order(first, 'DELETE /users/heidi/connections', withKey(token({ sub: 'admin', scope: 'connections:write' })))).status, 202)
  t.match(await heidi.closed, { code: 4403 })
  t.match(await logged(first, 'heidi', 1), [{ caller: 'token:admin' }])
})

t.end()
