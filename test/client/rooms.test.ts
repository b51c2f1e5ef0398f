import t from 'tap'
import type { Member, RoomMessage } from '../../client/index.ts'
import { connect } from '../helpers/client.ts'
import { Inbox } from '../helpers/inbox.ts'
import { startServer } from '../helpers/server-process.ts'
import { memberToken, token } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { connectClient, createClient, messagesOf, nextState } from './library-client.ts'
import { startProxy } from './tcp-proxy.ts'

interface Chat { readonly text: string }

const server = await startServer(t)

t.test('a client connects, subscribes, publishes, and gets typed messages', async t => {
  const client = await connectClient(t, server.wsUrl)
  t.match(client, { state: 'open', userId: 'alice', connectionId: /./ })
  const room = client.room<Chat>('typed')
  t.equal(client.room('typed'), room)
  const received = new Inbox<RoomMessage<Chat>>()
  room.on('message', message => { received.push(message) })
  const { epoch, offset } = await room.subscribe()
  t.same(await room.publish({ text: 'hi' }), { epoch, offset: offset + 1 })
  const message = await received.next('the message')
  t.match(message, { room: 'typed', offset: 1, data: { text: 'hi' }, from: { userId: 'alice' }, at: Number })
  t.equal(message.data.text.length, 2)
  t.same(room.position, { epoch, offset: 1 })
  await room.publish({ text: 'for others' }, { echo: false })
  await room.publish({ text: 'barrier' })
  t.match(await received.next('the barrier'), { data: { text: 'barrier' }, offset: 3 })
  // @ts-expect-error: what is published is typed
  await room.publish({ txt: 'typo' })
})

t.test('P56: subscribe, unsubscribe and subscribe within one round trip end subscribed', async t => {
  const client = await connectClient(t, server.wsUrl)
  const room = client.room<number>('quick')
  const first = room.subscribe()
  room.unsubscribe()
  const second = room.subscribe()
  await t.rejects(first, { code: 'unsubscribed' })
  await second
  t.equal(room.state, 'subscribed')
  const messages = messagesOf(room)
  await server.publish({ room: 'quick', data: 1 })
  t.equal(await messages.next('the message'), 1)
})

t.test('P56: nothing is delivered after unsubscribe returned, not even to the next listener of the same message', async t => {
  const client = await connectClient(t, server.wsUrl)
  const room = client.room<number>('left')
  const seen: string[] = []
  room.on('message', ({ data }) => { seen.push(`first ${data}`); room.unsubscribe() })
  room.on('message', ({ data }) => { seen.push(`second ${data}`) })
  await room.subscribe()
  const barrier = messagesOf(client.room('$all'))
  await Promise.all([1, 2, 3].map(data => server.publish({ room: 'left', data })))
  await server.publish({ everyone: true, data: 'barrier' })
  await barrier.next('the barrier')
  t.equal(seen.length, 1)
  t.match(seen[0], /^first/)
})

t.test('what waits before the connection is published in order, and beyond the bound it is refused', async t => {
  const client = createClient(t, server.wsUrl, { maxQueued: 2 })
  const room = client.room<number>('queued')
  const subscribed = room.subscribe()
  const messages = messagesOf(room)
  const waiting = [room.publish(1), room.publish(2)]
  await t.rejects(room.publish(3), { code: 'queue_full' })
  await client.connect()
  await subscribed
  await Promise.all(waiting)
  t.same([await messages.next('one'), await messages.next('two')], [1, 2])
})

t.test('a publish that waits in vain is told that it did not happen', async t => {
  const client = createClient(t, server.wsUrl, { publishTimeoutMs: 20 })
  await t.rejects(client.room('nowhere').publish(1), { code: 'timeout' })
  client.close()
  await t.rejects(client.room('nowhere').publish(1), { code: 'closed' })
})

t.test('what the server would not take is refused here, and the connection lives on', async t => {
  const client = await connectClient(t, server.wsUrl)
  const room = client.room('large')
  await t.rejects(room.publish('x'.repeat(70_000)), { code: 'payload_too_large' })
  await t.rejects(room.publish(undefined), { code: 'payload_invalid' })
  t.match(await room.publish('fine'), { offset: 1 })
})

t.test('a room that is not allowed is refused, by promise and by state', async t => {
  const client = await connectClient(t, server.wsUrl, { getToken: () => token({ can: { subscribe: ['open'] } }) })
  const room = client.room('staff')
  await t.rejects(room.subscribe(), { code: 'room_forbidden' })
  t.equal(room.state, 'refused')
  await t.rejects(room.publish(1), { code: 'room_forbidden' })
  await client.room('open').subscribe()
})

t.test('the list of members equals the server\'s, through joins, leaves and a reconnect', async t => {
  const proxy = await startProxy(t, server.url)
  const client = await connectClient(t, proxy.wsUrl)
  const room = client.room('people')
  const events: string[] = []
  room.on('join', ({ userId }) => { events.push(`${userId} joined`) })
  room.on('leave', ({ userId }) => { events.push(`${userId} left`) })
  await room.subscribe({ presence: true })
  const ids = (members: readonly Member[]): string[] => members.map(({ userId }) => userId).sort()
  const equal = async (...wanted: string[]): Promise<void> => {
    await until('members', wanted, () => ids(room.members))
    const { body } = await server.get('/rooms/people/presence')
    t.same(ids(body['members'] as Member[]), wanted)
  }
  await equal('alice')
  const bob = await connect(t, { url: server.wsUrl, token: memberToken('bob') })
  await bob.subscribe('people')
  await equal('alice', 'bob')
  const away = nextState(client, 'waiting')
  proxy.cut()
  await away
  await bob.close()
  const carol = await connect(t, { url: server.wsUrl, token: memberToken('carol') })
  await carol.subscribe('people')
  proxy.heal()
  await equal('alice', 'carol')
  await carol.close()
  await equal('alice')
  t.same(events, ['bob joined', 'carol left'])
})

t.test('P56: what was unsubscribed stays so over a reconnect, also where the token grants it', async t => {
  const proxy = await startProxy(t, server.url)
  const getToken = (): string => memberToken('alice', { rooms: ['granted', 'taken'] })
  const client = await connectClient(t, proxy.wsUrl, { getToken })
  const [own, granted, taken] = ['own', 'granted', 'taken'].map(name => client.room<string>(name))
  if (own === undefined || granted === undefined || taken === undefined) throw new Error('a room is missing')
  await own.subscribe()
  const seen: string[] = []
  for (const room of [own, granted]) room.on('message', ({ data }) => { seen.push(`${room.name} ${data}`) })
  own.unsubscribe()
  granted.unsubscribe()
  const barrier = messagesOf(taken)
  const back = nextState(client, 'open')
  proxy.cut()
  proxy.heal()
  await back
  for (const room of ['own', 'granted', 'taken']) await server.publish({ room, data: 'hello' })
  t.equal(await barrier.next('the barrier'), 'hello')
  t.same(seen, [])
  await until('rooms on the server', [['taken', 1]], async () => {
    const rooms = ['own', 'granted', 'taken']
    const counts = await Promise.all(rooms.map(async room => (await server.get(`/rooms/${room}/occupancy`)).body['connections']))
    return rooms.map((room, index) => [room, counts[index]]).filter(([, count]) => count !== 0)
  })
})

t.test('P56: closing from inside a listener is safe, and the client can be connected again', async t => {
  const client = await connectClient(t, server.wsUrl)
  const room = client.room<number>('closing')
  const seen: number[] = []
  const closed = nextState(client, 'closed')
  room.on('message', ({ data }) => { seen.push(data); client.close() })
  await room.subscribe()
  await Promise.all([server.publish({ room: 'closing', data: 1 }), server.publish({ room: 'closing', data: 2 })])
  await closed
  t.equal(client.state, 'closed')
  t.equal(seen.length, 1)
  const again = nextState(client, 'closed')
  const opening = client.connect()
  await again
  await t.rejects(opening, { code: 'closed' }, 'it closed again before it was open')
  t.same(seen, [1, 2], 'the other one was recovered')
  room.unsubscribe()
  await client.connect()
  t.equal(client.state, 'open')
})

t.end()
