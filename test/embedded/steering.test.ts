import t from 'tap'
import type { RoomState } from '../../client/index.ts'
import { connectClient, messagesOf } from '../client/library-client.ts'
import { connect } from '../helpers/client.ts'
import { Inbox } from '../helpers/inbox.ts'
import { API_KEY, withKey } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { PREFIX, startHost } from './host.ts'

const apiKeys = [{ name: 'tests', key: API_KEY }]

t.test('a host disconnects and puts into rooms, by its decorator and by our routes alike', async t => {
  const { app, wsUrl, logs } = await startHost(t, { jwtSecret: JWT_SECRET, apiKeys })
  const order = (method: 'GET' | 'PUT' | 'DELETE', path: string) => app.inject({ method, url: `${PREFIX}${path}`, headers: withKey(API_KEY) })
  const alice = await connect(t, { url: wsUrl, token: token() })
  const { connectionId } = alice
  const ways = [
    { put: () => app.realtime.subscribe('alice', 'lobby'), take: () => app.realtime.unsubscribe('alice', 'lobby') },
    { put: () => order('PUT', '/rooms/lobby/members/alice'), take: () => order('DELETE', '/rooms/lobby/members/alice') }
  ]
  for (const { put, take } of ways) {
    await put()
    t.match(await alice.inbox.next('subscribed'), { type: 'subscribed', room: 'lobby' })
    t.same((await app.presence.members('lobby')).members.map(({ userId }) => userId), ['alice'])
    await take()
    t.match(await alice.inbox.next('unsubscribed'), { type: 'unsubscribed', room: 'lobby', code: 'not_subscribed' })
    await until('members', 0, async () => (await app.presence.members('lobby')).members.length)
  }
  t.same((await order('GET', '/users/alice/connections')).json(), { userId: 'alice', connections: (await app.presence.user('alice')).connections.map(({ userId: _, ...one }) => one) })
  t.match((await order('DELETE', `/connections/${connectionId}?reason=enough`)).json(), { connections: 1 })
  t.same(await alice.closed, { code: 4403, reason: 'enough' })
  t.match(await order('DELETE', `/connections/${connectionId}`), { statusCode: 404 })
  await t.rejects(app.realtime.disconnect({ connection: connectionId }), { code: 'connection_unknown' })

  const again = await connect(t, { url: wsUrl, token: token() })
  t.equal(await app.realtime.disconnect({ user: 'alice' }, { code: 1001 }), 1)
  t.match(await again.closed, { code: 1001, reason: 'going away' })
  t.equal(logs.filter(line => line.includes('was ordered') && line.includes('"reqId"') && line.includes('"caller":"key:tests"')).length, 3, 'a line for each request')
})

t.test('the host\'s own authorize has no say in what the host gives, and has it in the rest', async t => {
  const { app, wsUrl } = await startHost(t, { jwtSecret: JWT_SECRET, authorize: () => false })
  const alice = await connect(t, { url: wsUrl, token: memberToken('alice') })
  await app.realtime.subscribe('alice', 'lobby')
  t.match(await alice.inbox.next('subscribed'), { type: 'subscribed', room: 'lobby' })
  await t.rejects(alice.publish('lobby', 1), { code: 'room_forbidden' })
})

t.test('the client library takes rooms as they are given and taken, and obeys the code of a disconnect', async t => {
  const { app, wsUrl } = await startHost(t, { jwtSecret: JWT_SECRET })
  const asked = new Inbox<string>()
  const client = await connectClient(t, wsUrl, { getToken: () => { asked.push('a token'); return token() } })
  await asked.next('a token')
  const room = client.room<string>('lobby')
  const messages = messagesOf(room)
  const states = new Inbox<[RoomState, string | undefined]>()
  room.on('state', (state, error) => { states.push([state, error?.code]) })
  const gone = new Inbox<string>()
  client.on('state', (state, error) => { if (state !== 'open') gone.push(error?.code ?? state) })

  await t.rejects(room.subscribe(), { code: 'room_forbidden' })
  t.same([await states.next('state'), await states.next('state')], [['subscribing', undefined], ['refused', 'room_forbidden']])
  await app.realtime.subscribe('alice', 'lobby')
  t.same(await states.next('state'), ['subscribed', undefined])
  await room.subscribe({ presence: true })
  t.same(room.members.map(({ userId }) => userId), ['alice'])
  await app.realtime.publish({ room: 'lobby' }, 'hello')
  t.equal(await messages.next('message'), 'hello')
  await app.realtime.unsubscribe('alice', 'lobby')
  t.same(await states.next('state'), ['refused', 'not_subscribed'])

  await app.realtime.subscribe('alice', 'lobby')
  t.same(await states.next('state'), ['subscribed', undefined])
  await app.realtime.disconnect({ user: 'alice' }, { code: 4401 })
  await asked.next('a new token')
  t.same([await states.next('state'), await states.next('state')], [['subscribing', undefined], ['refused', 'room_forbidden']], 'it was given to the connection before')
  await until('state', 'open', () => client.state)
  gone.drain()
  await app.realtime.disconnect({ user: 'alice' })
  t.match(await gone.next('end'), /./)
  await until('state', 'closed', () => client.state)
})
