import t from 'tap'
import { until } from '../helpers/until.ts'
import { byRoom, startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'

t.test('subscribed tells where the room stands, and what follows is delivered', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  const [before] = await realtime.publish({ room: 'lobby' }, 'before')
  t.match(await alice.ask({ type: 'subscribe', room: 'lobby' }), { type: 'subscribed', room: 'lobby', epoch: before?.epoch, offset: 1 })
  await realtime.publish({ room: 'lobby' }, 'after')
  t.match(await alice.rest(), [{ type: 'message', room: 'lobby', offset: 2, data: 'after' }])
})

t.test('subscribing twice is subscribing once, and the second is answered with the present position', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  await realtime.publish({ room: 'lobby' }, 1)
  alice.send({ type: 'subscribe', id: 'again', room: 'lobby' })
  await realtime.publish({ room: 'lobby' }, 2)
  const frames = await alice.rest()
  t.equal(frames.filter(({ type }) => type === 'message').length, 2)
  t.match(frames.find(({ id }) => id === 'again'), { type: 'subscribed', room: 'lobby', offset: /^[12]$/ })
})

t.test('one unsubscribe ends what was subscribed twice, and a second one is refused', async t => {
  const broker = new ScriptedBroker()
  const { realtime, connect } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  for (let count = 0; count < 2; count++) await alice.ask({ type: 'subscribe', room: 'lobby' })
  t.match(await alice.ask({ type: 'unsubscribe', room: 'lobby' }), { type: 'unsubscribed', room: 'lobby' })
  t.match(await alice.ask({ type: 'unsubscribe', room: 'lobby' }), { type: 'error', code: 'not_subscribed', room: 'lobby' })
  await realtime.publish({ room: 'lobby' }, 1)
  t.same(await alice.rest(), [])
  t.equal(broker.subscribed.has('lobby'), false)
})

t.test('unsubscribing a room that was not subscribed is refused, and the connection lives on', async t => {
  const { connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  t.match(await alice.ask({ type: 'unsubscribe', room: 'lobby' }), { type: 'error', code: 'not_subscribed' })
  t.match(await alice.ask({ type: 'ping' }), { type: 'pong' })
})

t.test('a personal room can neither be subscribed nor left', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  for (const room of ['$user:alice', '$user:bob', '$all', '$control']) {
    for (const type of ['subscribe', 'unsubscribe', 'publish']) {
      const frame = type === 'publish' ? { type, room, data: 1 } : { type, room }
      t.match(await alice.ask(frame), { type: 'error', code: 'room_forbidden' }, `${type} ${room}`)
    }
  }
  await realtime.publish({ user: 'alice' }, 1)
  t.match(await alice.rest(), [{ type: 'message', room: '$user:alice' }])
})

t.test('a room that the token does not grant is refused, and so is a name that is none', async t => {
  const { connect } = await startMemoryNode(t)
  const alice = await connect('alice', { can: { subscribe: ['chat:*'], publish: [] } })
  t.match(await alice.ask({ type: 'subscribe', room: 'lobby' }), { type: 'error', code: 'room_forbidden', room: 'lobby' })
  t.match(await alice.ask({ type: 'publish', room: 'chat:1', data: 1 }), { type: 'error', code: 'room_forbidden' })
  t.match(await alice.ask({ type: 'subscribe', room: '' }), { type: 'error', code: 'room_invalid' })
  t.match(await alice.ask({ type: 'subscribe', room: 'chat:1' }), { type: 'subscribed' })
})

for (const obstacle of ['subscribe', 'position'] as const) {
  t.test(`a subscribe that the broker refused (${obstacle}) leaves nothing behind, and can be tried again`, async t => {
    const broker = new ScriptedBroker()
    const { node, realtime, connect } = await startMemoryNode(t, { broker })
    const alice = await connect('alice')
    const { roomCount } = node
    broker.failNext(obstacle)
    t.match(await alice.ask({ type: 'subscribe', room: 'lobby' }), {
      type: 'error', room: 'lobby', code: 'unavailable', retryAfterMs: 1_000
    })
    t.equal(node.roomCount, roomCount)
    t.equal(broker.subscribed.has('lobby'), false)
    t.match(await alice.ask({ type: 'unsubscribe', room: 'lobby' }), { code: 'not_subscribed' })
    t.match(await alice.ask({ type: 'subscribe', room: 'lobby' }), { type: 'subscribed', offset: 0 })
    await realtime.publish({ room: 'lobby' }, 1)
    t.equal((await alice.rest()).length, 1)
  })
}

t.test('a refused subscribe does not take the room from those who wait behind it', async t => {
  const broker = new ScriptedBroker()
  const { realtime, connect } = await startMemoryNode(t, { broker })
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  broker.failNext('subscribe')
  const replies = await Promise.all([alice, bob].map(peer => peer.ask({ type: 'subscribe', room: 'lobby' })))
  t.match(replies, [{ type: 'error', code: 'unavailable' }, { type: 'subscribed' }])
  await realtime.publish({ room: 'lobby' }, 1)
  t.equal((await bob.rest()).length, 1)
  t.same(await alice.rest(), [])
})

t.test('the node subscribes at the first connection of a room and unsubscribes at the last', async t => {
  const broker = new ScriptedBroker()
  const { connect } = await startMemoryNode(t, { broker })
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  for (const peer of [alice, bob]) await peer.ask({ type: 'subscribe', room: 'lobby' })
  await alice.ask({ type: 'unsubscribe', room: 'lobby' })
  t.equal(broker.subscribed.has('lobby'), true)
  await bob.ask({ type: 'unsubscribe', room: 'lobby' })
  await until('unsubscribe', false, () => broker.subscribed.has('lobby'))
  t.same(broker.calls.filter(call => /subscribe lobby$/.test(call)), ['subscribe lobby', 'unsubscribe lobby'])
})

t.test('what is asked for in one breath is done in order', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  const subscribe = { type: 'subscribe', room: 'lobby' }
  const unsubscribe = { type: 'unsubscribe', room: 'lobby' }
  alice.send(subscribe, unsubscribe, subscribe)
  for (const type of ['subscribed', 'unsubscribed', 'subscribed']) t.match(await alice.next(type), { type })
  await realtime.publish({ room: 'lobby' }, 1)
  t.equal((await alice.rest()).length, 1)
  alice.send(unsubscribe, subscribe, unsubscribe)
  for (const type of ['unsubscribed', 'subscribed', 'unsubscribed']) t.match(await alice.next(type), { type })
  await realtime.publish({ room: 'lobby' }, 2)
  t.same(await alice.rest(), [])
})

t.test('two rooms do not mix', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  await bob.ask({ type: 'subscribe', room: 'attic' })
  await realtime.publish({ room: 'lobby' }, 'for the lobby')
  await realtime.publish({ room: 'attic' }, 'for the attic')
  t.match(await alice.rest(), [{ room: 'lobby', offset: 1, data: 'for the lobby' }])
  t.match(await bob.rest(), [{ room: 'attic', offset: 1, data: 'for the attic' }])
})

t.test('after an interruption each room gets what it missed, from the history, and the others nothing', async t => {
  const broker = new ScriptedBroker()
  const { realtime, connect } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  for (const room of ['lobby', 'attic']) await alice.ask({ type: 'subscribe', room })
  await realtime.publish({ rooms: ['lobby', 'attic'] }, 'seen')
  t.equal((await alice.rest()).length, 2)
  broker.cut()
  await realtime.publish({ room: 'lobby' }, 'missed')
  broker.heal()
  t.match(await alice.next('what was missed'), { type: 'message', room: 'lobby', offset: 2, data: 'missed' })
  await realtime.publish({ rooms: ['lobby', 'attic'] }, 'seen')
  t.match(byRoom(await alice.rest()), [{ room: 'attic', offset: 2 }, { room: 'lobby', offset: 3 }])
})
