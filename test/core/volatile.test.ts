import t from 'tap'
import { Listener, publicationAt, RoomUnderTest } from './fixtures/listener.ts'
import { byRoom, startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'

/** A room at an offset, with an open subscription. */
function roomAt (offset: number) {
  const under = new RoomUnderTest()
  const alice = new Listener('alice')
  under.enter(alice)
  under.room.settle({ epoch: 'e1', offset })
  for (const subscription of under.room.subscriptions()) subscription.open()
  return { under, alice }
}

t.test('volatile and kept publications of one turn leave in one write, in the order of their arrival', async t => {
  const { under, alice } = roomAt(0)
  under.acceptVolatile()
  under.accept(1)
  under.acceptVolatile()
  under.acceptVolatile()
  under.accept(2)
  t.equal(under.pendingCount, 1)
  under.endTurn()
  under.acceptVolatile()
  under.endTurn()
  t.same(alice.writes, [['volatile', 1, 'volatile', 'volatile', 2], ['volatile']])
  t.same(under.room.position, { epoch: 'e1', offset: 2 })
})

t.test('a subscription that opens in the middle of a turn gets no kept one below its floor, however volatile ones lie between', async t => {
  const { under } = roomAt(0)
  const bob = new Listener('bob')
  const subscription = under.enter(bob)
  under.acceptVolatile()
  under.accept(1)
  under.acceptVolatile()
  under.accept(2)
  t.equal(subscription.open().offset, 2)
  under.acceptVolatile({ data: Buffer.from('"after"') })
  under.accept(3)
  under.endTurn()
  t.same(bob.writes.flat().filter(word => word !== 'volatile'), [3])
  t.match(bob.frames.slice(-2), [{ data: 'after' }, { offset: 3 }])
})

t.test('who is left out of a volatile one gets those beside it', async t => {
  const { under, alice } = roomAt(0)
  const bob = new Listener('bob')
  under.enter(bob).open()
  under.acceptVolatile({ except: 'alice' })
  under.accept(1)
  under.room.accept(publicationAt(2, { except: 'bob' }))
  under.acceptVolatile()
  under.endTurn()
  t.same(alice.writes, [[1, 2, 'volatile']])
  t.same(bob.writes, [['volatile', 1, 'volatile']])
  under.acceptVolatile({ except: 'alice' })
  under.endTurn()
  t.equal(alice.writes.length, 1, 'and is not written to for nothing')
})

t.test('while missed publications are read the volatile ones go out, and the kept ones wait', async t => {
  const { under, alice } = roomAt(0)
  under.accept(3)
  under.acceptVolatile()
  under.endTurn()
  t.same(alice.writes, [['volatile']])
  under.heal({ epoch: 'e1', offset: 3 }, [1, 2, 3])
  under.endTurn()
  t.same(alice.writes, [['volatile'], [1, 2, 3]])
})

t.test('what is volatile is replayed to nobody, and is no part of what a room has reached', async t => {
  const { under } = roomAt(0)
  under.accept(1)
  under.acceptVolatile()
  under.accept(2)
  t.same(under.room.after({ epoch: 'e1', offset: 0 })?.map(({ offset }) => offset), [1, 2])
  under.acceptVolatile()
  t.same(under.room.after({ epoch: 'e1', offset: 2 }), [])
})

t.test('a volatile one that nobody is there for is dropped', async t => {
  const { under, alice } = roomAt(0)
  const { room } = under
  under.leave(alice)
  room.acceptVolatile({ room: 'lobby', data: Buffer.from('1'), at: 1 })
  t.equal(under.pendingCount, 0)
  t.same(alice.writes, [])
})

t.test('a volatile publish of a connection has its sender, and no position anywhere', async t => {
  const { connect, realtime } = await startMemoryNode(t)
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  const { connectionId } = alice.connection
  for (const peer of [alice, bob]) t.match(await peer.ask({ type: 'subscribe', room: 'lobby' }), { offset: 0 })
  alice.send({ type: 'publish', id: 'p', room: 'lobby', data: { x: 1 }, volatile: true })
  const answered = await alice.rest()
  t.same(answered.filter(({ type }) => type === 'published'), [{ type: 'published', id: 'p', room: 'lobby' }])
  const [message, ...more] = await bob.rest()
  t.same(more, [])
  t.same(Object.keys(message ?? {}), ['type', 'room', 'data', 'from', 'at'])
  t.match(message, { type: 'message', room: 'lobby', data: { x: 1 }, from: { userId: 'alice', connectionId }, at: Number })
  t.same(answered.filter(({ type }) => type === 'message'), [message])

  t.same(await realtime.publish({ room: 'lobby' }, 2, { volatile: true }), [{ room: 'lobby', duplicate: false }])
  t.same(await realtime.publish({ users: ['bob'] }, 3, { volatile: true }), [{ room: '$user:bob', user: 'bob', duplicate: false }])
  t.match(byRoom(await bob.rest()), [{ room: '$user:bob', data: 3 }, { room: 'lobby', data: 2 }])
  t.match(await realtime.publish({ room: 'lobby' }, 4), [{ offset: 1 }])
  t.match(await bob.rest(), [{ room: 'lobby', offset: 1, data: 4 }])
  const { publications } = await bob.ask({ type: 'history', room: 'lobby' })
  t.match(publications, [{ offset: 1, data: 4 }])
  t.equal((publications as unknown[]).length, 1)
})

t.test('volatile and kept ones that are published in one turn arrive in that order in one write', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  const before = alice.transport.writes.length
  await Promise.all([1, 2, 3, 4].map(data => realtime.publish({ room: 'lobby' }, data, { volatile: data % 2 === 1 })))
  await alice.rest()
  const writes = alice.transport.writes.slice(before).filter(frames => frames.some(({ type }) => type === 'message'))
  t.same(writes.map(frames => frames.map(({ data, offset }) => [data, offset])), [[[1, undefined], [2, 1], [3, undefined], [4, 2]]])
})

t.test('with echo:false the publisher of a volatile one gets no copy, and its other connections do', async t => {
  const { connect } = await startMemoryNode(t)
  const [alice, second] = [await connect('alice'), await connect('alice')]
  for (const peer of [alice, second]) await peer.ask({ type: 'subscribe', room: 'lobby' })
  t.match(await alice.ask({ type: 'publish', room: 'lobby', data: 1, volatile: true, echo: false }), { type: 'published' })
  t.same(await alice.rest(), [])
  t.match(await second.rest(), [{ data: 1 }])
})

t.test('where a volatile one was missed nobody is told of a gap', async t => {
  const broker = new ScriptedBroker()
  const { realtime, connect } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  broker.cut()
  await realtime.publish({ room: 'lobby' }, 'missed', { volatile: true })
  broker.heal()
  await realtime.publish({ room: 'lobby' }, 'heard')
  t.match(await alice.rest(), [{ type: 'message', data: 'heard', offset: 1 }])
})

t.end()
