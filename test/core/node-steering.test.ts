import t from 'tap'
import { MAX_REASON_BYTES } from '../../src/core/ordered-close.ts'
import { MemoryBroker } from '../../src/memory/memory-broker.ts'
import { fakeTime } from '../helpers/fake-clock.ts'
import { until } from '../helpers/until.ts'
import { connectionsOf, startMemoryNode, storeFor, type Peer } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'

/** The clock by which commands and connections are told apart counts whole milliseconds. */
async function nextMillisecond (): Promise<void> {
  const instant = Date.now()
  await until('next millisecond', true, () => Date.now() > instant)
}

/** A token that allows nothing but what somebody else gives. */
const nothing = { can: {} }

t.test('a disconnect of a user ends all that it has, with the code and the reason that were ordered', async t => {
  const { connect, realtime } = await startMemoryNode(t)
  const [first, second, kept, bob] = [await connect('alice'), await connect('alice'), await connect('alice'), await connect('bob')]
  t.equal(await realtime.disconnect({ user: 'alice', except: kept.connection.connectionId }), 2)
  for (const peer of [first, second]) t.same(await peer.closed(), { frames: [], code: 4403, reason: 'disconnected by the API' })
  t.same([await kept.rest(), await bob.rest()], [[], []])
  t.equal(await realtime.disconnect({ user: 'alice' }, { code: 1001, reason: 'we move house' }), 1)
  t.match(await kept.closed(), { code: 1001, reason: 'we move house' })
  t.equal(await realtime.disconnect({ user: 'alice' }), 0)
})

t.test('a disconnect of one connection ends that one; where there is none it is refused', async t => {
  const { connect, realtime } = await startMemoryNode(t)
  const [alice, other] = [await connect('alice'), await connect('alice')]
  t.equal(await realtime.disconnect({ connection: alice.connection.connectionId }, { code: 4401 }), 1)
  t.match(await alice.closed(), { code: 4401, reason: 'token expired or revoked' })
  await t.rejects(realtime.disconnect({ connection: alice.connection.connectionId }), { code: 'connection_unknown', statusCode: 404 })
  t.same(await other.rest(), [])
})

t.test('who comes back after a disconnect stays, also on a node that hears of it late', async t => {
  const broker = new ScriptedBroker()
  const { connect, realtime } = await startMemoryNode(t, { broker })
  const old = await connect('alice')
  broker.cut()
  await realtime.disconnect({ user: 'alice' })
  await realtime.subscribe('alice', 'lobby')
  await nextMillisecond()
  const fresh = await connect('alice')
  broker.heal()
  t.match(await old.closed(), { code: 4403 })
  t.same(await fresh.rest(), [])
  t.equal(fresh.connection.isOpen, true)
})

t.test('a connection that presence knew of before it was welcomed is disconnected, too', async t => {
  const broker = new ScriptedBroker()
  const { arrive, connect, realtime, node } = await startMemoryNode(t, { broker })
  await connect('bob')
  const release = broker.hold('subscribe')
  const alice = arrive('alice')
  await until('registered', true, () => broker.calls.includes('subscribe $user:alice'))
  t.equal(await realtime.disconnect({ user: 'alice' }), 1)
  release()
  t.match(await alice.closed(), { code: 4403 })
  await until('connections', 1, () => node.connectionCount)
})

t.test('whether a connection whose registration is under way is disconnected goes by when it is registered', async t => {
  const broker = new MemoryBroker()
  const store = storeFor(broker)
  const { arrive, realtime, node } = await startMemoryNode(t, { broker, store })
  const register = store.register.bind(store)
  const registering = (when: 'before' | 'after'): (() => void) => {
    let release = (): void => {}
    const gate = new Promise<void>(resolve => { release = resolve })
    store.register = async (...call) => {
      if (when === 'after') await gate
      const at = await register(...call)
      await gate
      return at
    }
    return release
  }
  for (const when of ['before', 'after'] as const) {
    const release = registering(when)
    const alice = arrive('alice')
    await until('known to presence', when === 'before' ? 1 : 0, async () => (await connectionsOf(store, 'alice')).length)
    await realtime.disconnect({ user: 'alice' })
    await nextMillisecond()
    release()
    if (when === 'before') t.match(await alice.closed(), { code: 4403 })
    else t.match(await alice.next('welcome'), { type: 'welcome' })
    store.register = register
    await until('connections', when === 'before' ? 0 : 1, () => node.connectionCount)
  }
})

t.test('what cannot be ordered is refused, and nobody is told', async t => {
  const { connect, realtime } = await startMemoryNode(t)
  const alice = await connect('alice')
  for (const options of [{ code: 4400 as 4403 }, { code: 1000 as 4403 }, { code: '__proto__' as unknown as 4403 }, { reason: '' }, { reason: 'é'.repeat(62) }, { reason: '\ud800' }]) {
    await t.rejects(realtime.disconnect({ user: 'alice' }, options), { code: 'request_invalid' }, JSON.stringify(options))
  }
  await t.rejects(realtime.disconnect({ user: '' }), { code: 'user_invalid' })
  await t.rejects(realtime.subscribe('alice', '$all'), { code: 'room_forbidden' })
  await t.rejects(realtime.unsubscribe('alice', ''), { code: 'room_invalid' })
  await t.rejects(realtime.subscribe('\u0000', 'lobby'), { code: 'user_invalid' })
  t.same(await alice.rest(), [])
  await realtime.disconnect({ user: 'alice' }, { reason: 'x'.repeat(MAX_REASON_BYTES) })
  t.match(await alice.closed(), { reason: 'x'.repeat(MAX_REASON_BYTES) })
})

/** Alice, whose token allows nothing, in a room that somebody gave her. */
async function given (room: string, peer: Peer): Promise<void> {
  const frame = await peer.next('subscribed')
  if (frame['type'] !== 'subscribed' || frame['room'] !== room || 'id' in frame) throw new Error(`instead of an unasked subscribed came ${JSON.stringify(frame)}`)
}

t.test('a user is subscribed to what the token does not grant, hears what is published there, and may ask about it', async t => {
  const { connect, realtime, store } = await startMemoryNode(t)
  const alice = await connect('alice', nothing)
  const watcher = await connect('bob')
  await watcher.ask({ type: 'subscribe', room: 'lobby', presence: true })
  t.equal(await realtime.subscribe('alice', 'lobby'), 1)
  await given('lobby', alice)
  t.match(await watcher.next('join'), { type: 'join', member: { userId: 'alice' } })
  await realtime.publish({ room: 'lobby' }, 'hello')
  t.match([await alice.next('message'), await watcher.next('message')], [{ data: 'hello' }, { data: 'hello' }])
  t.match(await alice.ask({ type: 'subscribe', room: 'lobby', presence: true }), { type: 'subscribed', members: [{ userId: 'bob' }, { userId: 'alice' }] })
  t.match(await alice.ask({ type: 'history', room: 'lobby' }), { type: 'history', publications: [{}] })
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data: 1 }), { code: 'room_forbidden' }, 'to speak is not given')
  t.match(await alice.ask({ type: 'subscribe', room: 'hall' }), { code: 'room_forbidden' })

  t.equal(await realtime.subscribe('alice', 'lobby'), 1, 'twice is once')
  t.equal(await realtime.unsubscribe('alice', 'lobby'), 1)
  t.same(await alice.next('unsubscribed'), { type: 'unsubscribed', room: 'lobby', code: 'not_subscribed' })
  t.match(await watcher.next('leave'), { type: 'leave', member: { userId: 'alice' } })
  t.match(await alice.ask({ type: 'history', room: 'lobby' }), { code: 'room_forbidden' })
  t.equal((await store.members('lobby')).members.length, 1)
  await realtime.unsubscribe('alice', 'lobby')
  t.same(await alice.rest(), [])
})

t.test('what was given stands over a refresh, and ends with a ban', async t => {
  const { connect, realtime } = await startMemoryNode(t)
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'own' })
  await alice.ask({ type: 'subscribe', room: 'both' })
  for (const room of ['both', 'given']) await realtime.subscribe('alice', room)
  await given('given', alice)
  t.match(await alice.ask({ type: 'refresh', token: JSON.stringify({ sub: 'alice' }) }), { type: 'refreshed' })
  t.match(await alice.next('end of what the new token does not grant'), { type: 'unsubscribed', room: 'own', code: 'room_forbidden' })
  t.same([...alice.connection.subscriptions.keys()].sort(), ['$all', '$user:alice', 'both', 'given'])

  const expiresAt = Date.now() + 3_600_000
  await realtime.revoke({ user: 'alice', room: 'given', expiresAt })
  t.match(await alice.next('end by the ban'), { type: 'unsubscribed', room: 'given', code: 'room_forbidden' })
  t.equal(await realtime.subscribe('alice', 'given'), 1)
  t.same(await alice.rest(), [], 'who is banned is not let in')
})

t.test('what was given does not count as asked for, and is given beyond the limit too', async t => {
  const { connect, realtime } = await startMemoryNode(t, { settings: { maxRoomsPerConnection: 2 } })
  const alice = await connect('alice')
  for (const room of ['a', 'b']) t.match(await alice.ask({ type: 'subscribe', room }), { type: 'subscribed' })
  await realtime.subscribe('alice', 'c')
  await given('c', alice)
  t.match(await alice.ask({ type: 'subscribe', room: 'd' }), { code: 'limit_exceeded' })
  await alice.ask({ type: 'unsubscribe', room: 'a' })
  t.match(await alice.ask({ type: 'subscribe', room: 'd' }), { type: 'subscribed' })
  await alice.ask({ type: 'unsubscribe', room: 'c' })
  t.match(await alice.ask({ type: 'subscribe', room: 'c' }), { code: 'limit_exceeded' }, 'what she left is not given any more')
})

t.test('a subscription that broker or store refuse is made when they can, unless it was taken back', async t => {
  // The node tries again each second of the clock by itself: here it does when the test says so.
  fakeTime(t)
  const broker = new ScriptedBroker()
  const { connect, realtime, node, log } = await startMemoryNode(t, { broker })
  const alice = await connect('alice', nothing)
  for (const [index, room] of ['hall', 'lobby'].entries()) {
    broker.failNext('subscribe')
    await realtime.subscribe('alice', room)
    const refused = () => log.of('debug').filter(message => message === 'a subscription that was ordered waits to be made').length
    await until('refused', index + 1, refused)
  }
  await realtime.unsubscribe('alice', 'hall')
  await realtime.subscribe('alice', 'porch')
  await given('porch', alice)
  node.steering.retry()
  await given('lobby', alice)
  node.steering.retry()
  t.same(await alice.rest(), [])
})
