import t from 'tap'
import type { Claims } from '../../src/core/claims.ts'
import { fakeTime } from '../helpers/fake-clock.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'
import { ALL_ROOMS, startMemoryNode, type Peer } from './fixtures/memory-node.ts'

/** A refresh with a token of these claims, which the node under test takes as JSON. */
function refresh (claims: Partial<Claims>): { type: string, token: string } {
  return { type: 'refresh', token: JSON.stringify({ sub: 'alice', can: ALL_ROOMS, ...claims }) }
}

async function subscribed (peer: Peer, room: string, fields: object = {}): Promise<void> {
  t.match(await peer.ask({ type: 'subscribe', room, ...fields }), { type: 'subscribed', room })
}

t.test('a refreshed connection goes on until its new token expires', async t => {
  const time = fakeTime(t)
  const exp = Date.now() / 1_000 + 60
  const { connect } = await startMemoryNode(t)
  const alice = await connect('alice', { exp })
  time.advance(31_000)
  t.same(await alice.next('notice'), { type: 'token_expiring', expiresAt: exp * 1_000 })
  t.same(await alice.ask(refresh({ exp: exp + 60 })), { type: 'refreshed', id: 1, expiresAt: (exp + 60) * 1_000 })
  time.advance(60_000)
  t.ok(alice.connection.isOpen)
  t.same(await alice.next('second notice'), { type: 'token_expiring', expiresAt: (exp + 60) * 1_000 })
  time.advance(31_000)
  t.match(await alice.closed(), { frames: [], code: 4401 })
})

t.test('P02: a connection ends at the second at which its token expires, though it is idle', async t => {
  const time = fakeTime(t)
  const { connect } = await startMemoryNode(t)
  time.advance(730)
  const alice = await connect('alice', { exp: Math.floor(Date.now() / 1_000) + 3 })
  time.advance(2_260)
  t.ok(alice.connection.isOpen)
  time.advance(250)
  t.notOk(alice.connection.isOpen)
  t.match(await alice.closed(), { frames: [{ type: 'token_expiring' }], code: 4401 })
})

t.test('a token that is refused changes nothing', async t => {
  const { connect } = await startMemoryNode(t)
  const alice = await connect('alice', { exp: Math.floor(Date.now() / 1_000) + 3_600 })
  await subscribed(alice, 'lobby')
  const { claims } = alice.connection
  t.match(await alice.ask({ type: 'refresh', token: JSON.stringify({ sub: 7 }) }), { type: 'error', code: 'unauthorized' })
  t.match(await alice.ask(refresh({ sub: 'bob' })), { type: 'error', code: 'unauthorized' })
  t.equal(alice.connection.claims, claims)
  t.same(await alice.rest(), [])
})

t.test('what the new token does not allow any more ends, and the client is told', async t => {
  const { connect, realtime } = await startMemoryNode(t)
  const alice = await connect('alice', { rooms: ['hall'] })
  for (const room of ['lobby', 'chat:1']) await subscribed(alice, room)
  t.match(await alice.ask(refresh({ can: { subscribe: ['chat:*'] } })), { type: 'refreshed' })
  const ended = [await alice.next('first end'), await alice.next('second end')]
  t.same(new Set(ended), new Set(['hall', 'lobby'].map(room => ({ type: 'unsubscribed', room, code: 'room_forbidden' }))))
  for (const room of ['hall', 'lobby', 'chat:1']) await realtime.publish({ room }, room)
  t.match(await alice.rest(), [{ type: 'message', room: 'chat:1' }])
  t.match(await alice.ask({ type: 'subscribe', room: 'lobby' }), { type: 'error', code: 'room_forbidden' })
})

t.test('rooms that the new token names begin, and do not count as asked for', async t => {
  const { connect, realtime } = await startMemoryNode(t, { settings: { maxRoomsPerConnection: 1 } })
  const alice = await connect('alice')
  await subscribed(alice, 'lobby')
  t.match(await alice.ask(refresh({ rooms: ['hall', 'lobby'] })), { type: 'refreshed' })
  t.match(await alice.next('begin'), { type: 'subscribed', room: 'hall', offset: 0 })
  await realtime.publish({ room: 'hall' }, 'heard')
  t.match(await alice.rest(), [{ type: 'message', room: 'hall', data: 'heard' }])
  await subscribed(alice, 'another')
})

t.test('who may not know the members any more hears of no more joins and leaves', async t => {
  const { connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  await subscribed(alice, 'lobby', { presence: true })
  await alice.rest()
  t.match(await alice.ask(refresh({ can: { subscribe: ['*'], presence: [] } })), { type: 'refreshed' })
  t.match(await alice.next('refusal'), { type: 'error', room: 'lobby', code: 'room_forbidden' })
  await subscribed(await connect('bob'), 'lobby')
  t.same(await alice.rest(), [])
})

t.test('a room that cannot be entered now is told as refused, and the token stands', async t => {
  const broker = new ScriptedBroker()
  const { connect } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  broker.failNext('subscribe')
  t.match(await alice.ask(refresh({ rooms: ['hall'] })), { type: 'refreshed' })
  t.match(await alice.next('refusal'), { type: 'error', room: 'hall', code: 'unavailable' })
  t.match(await alice.ask(refresh({ rooms: ['hall'] })), { type: 'refreshed' })
  t.match(await alice.next('begin'), { type: 'subscribed', room: 'hall' })
})
