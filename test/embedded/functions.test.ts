import fastifyJwt from '@fastify/jwt'
import t, { type Test } from 'tap'
import { roomcast, type Claims, type RoomcastOptions } from '../../src/app.ts'
import { connect, connectRefused, TestClientError, type TestClient } from '../helpers/client.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { API_KEY, withKey } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { createHost, listen, PREFIX, refusal, startHost, type Host } from './host.ts'

const apiKeys = [{ name: 'tests', key: API_KEY }]

type Gate = Pick<RoomcastOptions, 'authorize' | 'onPublish'>

/** A host that judges, and a client that its token would allow everything. */
async function startGate (t: Test, gate: Gate): Promise<Host & { alice: TestClient }> {
  const host = await startHost(t, { jwtSecret: JWT_SECRET, apiKeys, ...gate })
  return { ...host, alice: await connect(t, { url: host.wsUrl, token: memberToken('alice') }) }
}

/** The code that a request of a client is refused with. */
async function codeOf (request: Promise<unknown>): Promise<string> {
  const error = await refusal(() => request)
  if (!(error instanceof TestClientError)) throw error
  return error.code
}

function post (app: Host['app'], payload: object) {
  return app.inject({ method: 'POST', url: `${PREFIX}/publish`, headers: withKey(API_KEY), payload })
}

t.test('authenticate says who connects, at once or later, from whatever it finds in the request', async t => {
  const claimsOf = (query: unknown): Claims => ({ sub: (query as { user: string }).user, rooms: ['lobby'], info: { name: 'A.' } })
  const ways: Array<NonNullable<RoomcastOptions['authenticate']>> = [
    ({ query }) => claimsOf(query),
    async ({ query }) => { await new Promise(resolve => { setImmediate(resolve) }); return claimsOf(query) }
  ]
  for (const authenticate of ways) {
    const { app, wsUrl } = await startHost(t, { authenticate })
    const alice = await connect(t, { url: `${wsUrl}?user=alice` })
    t.match(alice.welcome, { userId: 'alice', expiresAt: null, rooms: [{}, {}, { room: 'lobby' }] })
    t.match(await app.presence.user('alice'), { online: true, connections: [{ info: { name: 'A.' } }] })
    t.equal(await codeOf(alice.subscribe('attic')), 'room_forbidden', 'what its claims do not grant is forbidden')
  }
})

t.test('P01: frames that come while authenticate takes its time are handled once, in order, as those of who it says, and those of who is refused never', async t => {
  const pending: Array<(claims: Claims | undefined) => void> = []
  const { app, wsUrl } = await startHost(t, {
    authenticate: () => new Promise<Claims>((resolve, reject) => {
      pending.push(claims => { if (claims === undefined) reject(new Error('nobody')); else resolve(claims) })
    })
  })
  const published: unknown[] = []
  const watcher = connect(t, { url: wsUrl })
  await until('the question about the watcher', 1, () => pending.length)
  pending.shift()?.({ sub: 'watcher', can: { subscribe: ['*'] } })
  const client = await watcher
  await client.subscribe('lobby')

  const together = ['{"type":"publish","id":1,"room":"lobby","data":"early"}', '{"type":"ping","id":2}']
  const alice = rawSocket(t, { url: wsUrl, together })
  await until('the question about alice', 1, () => pending.length)
  const nobody = rawSocket(t, { url: wsUrl, together })
  await until('the other question', 2, () => pending.length)
  t.equal(app.realtime.connectionCount, 1, 'nothing is anybody\'s yet')
  pending.shift()?.({ sub: 'alice', can: { publish: ['*'] } })
  pending.shift()?.(undefined)
  t.same([await alice.status(), await nobody.status()], [101, 401])
  for (const frame of [{ type: 'welcome', userId: 'alice' }, { type: 'published', id: 1 }, { type: 'pong', id: 2 }]) t.match(await alice.nextJson(frame.type), frame)
  await app.realtime.publish({ room: 'lobby' }, 'barrier')
  while (published.at(-1) !== 'barrier') {
    const frame = await client.inbox.next('the barrier')
    if (frame.type === 'message') published.push(frame.data)
  }
  t.same(published, ['early', 'barrier'])
})

t.test('authenticate may ask the @fastify/jwt of the host, beside Roomcast\'s own', async t => {
  for (const order of ['before', 'after'] as const) {
    const app = createHost(t)
    const addJwt = () => app.register(fastifyJwt, { secret: 'the-secret-of-the-host-not-of-roomcast' })
    if (order === 'before') await addJwt()
    await app.register(roomcast, {
      prefix: PREFIX,
      jwtSecret: JWT_SECRET,
      authenticate: async request => ({ sub: (await request.jwtVerify<{ name: string }>()).name })
    })
    if (order === 'after') await addJwt()
    const { wsUrl } = await listen(app)
    const ann = await connect(t, { url: wsUrl, token: app.jwt.sign({ name: 'ann' }) })
    t.equal(ann.welcome.userId, 'ann', order)
    t.equal((await connectRefused(t, { url: wsUrl, token: memberToken('ann') })).status, 401, 'a token of Roomcast\'s does not count then')
  }
})

t.test('P04: an authenticate that throws, or answers no claims, is a 401 that keeps its reasons', async t => {
  const answers: Record<string, () => unknown> = {
    'a throw': () => { throw new Error('because of a secret') },
    'a rejection': async () => { throw new Error('because of a secret') },
    nothing: () => undefined,
    null: async () => null,
    'a name': () => 'alice',
    'no sub': () => ({ user: 'alice' }),
    'an empty sub': () => ({ sub: '' }),
    'a number as sub': () => ({ sub: 5 }),
    'a sub with a control character': () => ({ sub: 'a\nb' }),
    'a sub of 129 bytes': () => ({ sub: 'é'.repeat(64) + 'a' }),
    'a reserved room': () => ({ sub: 'alice', rooms: ['$all'] }),
    'rooms that are no list': () => ({ sub: 'alice', rooms: 'lobby' }),
    'too much info': () => ({ sub: 'alice', info: 'i'.repeat(1_023) })
  }
  const authenticate = (request: { query: unknown }) => answers[(request.query as { answer: string }).answer]?.() as Claims
  const { app, wsUrl, logs } = await startHost(t, { authenticate })
  for (const answer of Object.keys(answers)) {
    const { status, body, text } = await connectRefused(t, { url: `${wsUrl}?answer=${encodeURIComponent(answer)}` })
    t.equal(status, 401, answer)
    t.match(body, { statusCode: 401, code: 'unauthorized', error: 'Unauthorized' })
    t.notMatch(text, 'secret')
  }
  t.match(logs.join(''), 'because of a secret', 'the log has them')
  t.equal(app.realtime.connectionCount, 0)
})

t.test('authorize decides instead of the token, and is asked who, what and where', async t => {
  const questions: unknown[] = []
  const { alice } = await startGate(t, {
    authorize: async ({ claims, action, room }) => {
      questions.push({ sub: claims.sub, action, room })
      return room === `${action} me`
    }
  })
  t.match(await alice.subscribe('subscribe me'), { type: 'subscribed' })
  t.match(await alice.publish('publish me', 1), { type: 'published' })
  t.equal(await codeOf(alice.subscribe('publish me')), 'room_forbidden')
  t.equal(await codeOf(alice.publish('subscribe me', 1)), 'room_forbidden')
  t.same(questions, [
    { sub: 'alice', action: 'subscribe', room: 'subscribe me' },
    { sub: 'alice', action: 'publish', room: 'publish me' },
    { sub: 'alice', action: 'subscribe', room: 'publish me' },
    { sub: 'alice', action: 'publish', room: 'subscribe me' }
  ])
})

t.test('an authorize that throws, or answers anything but true, forbids the room and nothing more', async t => {
  const answers: Record<string, () => unknown> = {
    throw: () => { throw new Error('no') }, reject: async () => { throw new Error('no') }, truthy: () => 1, word: () => 'true', nothing: () => undefined
  }
  const { app, alice } = await startGate(t, { authorize: ({ room }) => answers[room] === undefined || answers[room]() as boolean })
  for (const room of Object.keys(answers)) {
    t.equal(await codeOf(alice.subscribe(room)), 'room_forbidden', room)
    t.equal(await codeOf(alice.publish(room, 1)), 'room_forbidden', room)
  }
  t.match(await alice.subscribe('lobby'), { type: 'subscribed' }, 'the connection lives on')
  await app.realtime.publish({ rooms: [...Object.keys(answers), 'lobby'] }, 'hello')
  t.match(await alice.inbox.next('the publication'), { room: 'lobby' })
})

t.test('authorize never grants a reserved room', async t => {
  const { alice } = await startGate(t, { authorize: () => true })
  for (const room of ['$user:bob', '$user:alice', '$all', '$control', '$']) {
    t.equal(await codeOf(alice.subscribe(room)), 'room_forbidden', room)
    t.equal(await codeOf(alice.publish(room, 1)), 'room_forbidden', room)
  }
})

t.test('onPublish judges what is published by whatever way, with its data parsed', async t => {
  const seen: unknown[] = []
  const { app, alice } = await startGate(t, {
    onPublish: async publication => {
      seen.push(publication)
      return (publication.data as { spam?: boolean }).spam === true ? 'refuse' : 'accept'
    }
  })
  await alice.subscribe('lobby')
  t.equal(await codeOf(alice.publish('lobby', { spam: true })), 'publication_refused')
  const refused = await post(app, { room: 'lobby', data: { spam: true } })
  t.equal(refused.statusCode, 403)
  t.match(refused.json(), { statusCode: 403, code: 'publication_refused', error: 'Forbidden', message: 'The publication was refused' })
  t.match(await refusal(() => app.realtime.publish({ user: 'bob' }, { spam: true })), { code: 'publication_refused', statusCode: 403 })

  t.equal((await alice.publish('lobby', { n: [1] })).offset, 1, 'what was refused took no offset')
  t.equal((await post(app, { room: 'lobby', data: { n: [2] } })).statusCode, 200)
  t.same([(await alice.inbox.next('the first')), (await alice.inbox.next('the second'))].map(frame => 'data' in frame && frame.data), [{ n: [1] }, { n: [2] }])
  const from = { userId: 'alice', connectionId: alice.connectionId }
  t.same(seen, [
    { room: 'lobby', data: { spam: true }, from },
    { room: 'lobby', data: { spam: true } },
    { room: '$user:bob', data: { spam: true } },
    { room: 'lobby', data: { n: [1] }, from },
    { room: 'lobby', data: { n: [2] } }
  ])
})

t.test('an onPublish that throws, or answers anything but accept, refuses', async t => {
  const answers: Record<string, () => unknown> = {
    throw: () => { throw new Error('because of a secret') }, reject: async () => { throw new Error('because of a secret') }, yes: () => true, nothing: () => undefined
  }
  const { app, alice } = await startGate(t, { onPublish: ({ room }) => (answers[room]?.() ?? (answers[room] ? undefined : 'accept')) as 'accept' })
  for (const room of Object.keys(answers)) {
    t.equal(await codeOf(alice.publish(room, 1)), 'publication_refused', room)
    const { statusCode, payload } = await post(app, { room, data: 1 })
    t.equal(statusCode, 403, room)
    t.notMatch(payload, 'secret')
  }
  t.match(await alice.publish('lobby', 1), { type: 'published', offset: 1 }, 'the connection lives on')
})

t.test('a function that never answers is a refusal', async t => {
  const never = () => new Promise<never>(() => {})
  const { app, wsUrl, alice } = await startGate(t, {
    authorize: ({ room }) => room === 'never' ? never() : true,
    onPublish: ({ room }) => room === 'silence' ? never() : 'accept'
  })
  const other = await startHost(t, { authenticate: never })
  const bob = await connect(t, { url: wsUrl, token: memberToken('bob') })
  const [refused, subscribing, publishing, posting] = await Promise.all([
    connectRefused(t, { url: other.wsUrl }),
    codeOf(alice.subscribe('never')),
    codeOf(bob.publish('silence', 1)),
    post(app, { room: 'silence', data: 1 })
  ])
  t.same([refused.status, subscribing, publishing, posting.statusCode], [401, 'room_forbidden', 'publication_refused', 403])
})
