import t from 'tap'
import type { Codec } from '../../src/core/codec.ts'
import { createCodec } from './fixtures/fake-transport.ts'
import { Listener, publicationAt, RoomUnderTest } from './fixtures/listener.ts'

/** A room at an offset, with an open subscription. */
function roomAt (offset: number) {
  const under = new RoomUnderTest()
  const alice = new Listener('alice')
  const subscription = under.enter(alice)
  under.room.settle({ epoch: 'e1', offset })
  subscription.open()
  return { under, alice, subscription }
}

t.test('publications of one turn leave in one write', async t => {
  const { under, alice } = roomAt(0)
  under.accept(1, 2, 3)
  t.same(alice.writes, [], 'nothing is written before the turn ends')
  t.equal(under.pendingCount, 1, 'and its end is asked for once')
  under.endTurn()
  t.same(alice.writes, [[1, 2, 3]])
  under.accept(4)
  under.endTurn()
  t.same(alice.writes, [[1, 2, 3], [4]])
})

t.test('P41: a publication is encoded once, however many are in the room', async t => {
  const under = new RoomUnderTest()
  const codec = createCodec()
  const encoded: unknown[] = []
  const counting: Codec = {
    protocol: codec.protocol,
    decode: (bytes, format) => codec.decode(bytes, format),
    encode: frame => codec.encode(frame),
    encodePublication: publication => {
      encoded.push(publication.offset)
      return codec.encodePublication(publication)
    }
  }
  const listeners = Array.from({ length: 100 }, (_, index) => new Listener(`listener ${index}`, counting))
  const subscriptions = listeners.map(listener => under.enter(listener))
  under.room.settle({ epoch: 'e1', offset: 0 })
  for (const subscription of subscriptions) subscription.open()
  under.accept(1, 2)
  under.endTurn()
  t.same(encoded, [1, 2])
  t.ok(listeners.every(({ writes }) => JSON.stringify(writes) === '[[1,2]]'))
})

t.test('everybody in the room gets the same bytes', async t => {
  const { under, alice } = roomAt(0)
  const bob = new Listener('bob')
  under.enter(bob).open()
  under.accept(1)
  under.endTurn()
  t.same(bob.frames, alice.frames)
  t.same(alice.frames, [{ type: 'message', room: 'lobby', offset: 1, data: 1, at: 1_001 }])
})

t.test('a subscription gets nothing before it is opened', async t => {
  const { under } = roomAt(0)
  const bob = new Listener('bob')
  const subscription = under.enter(bob)
  under.accept(1)
  under.endTurn()
  t.same(bob.writes, [])
  t.same(subscription.open(), { epoch: 'e1', offset: 1 })
  under.accept(2)
  under.endTurn()
  t.same(bob.writes, [[2]])
})

t.test('a subscription that opens in the middle of a batch gets the part after its floor', async t => {
  const { under, alice } = roomAt(0)
  const bob = new Listener('bob')
  const subscription = under.enter(bob)
  under.accept(1, 2)
  t.equal(subscription.open().offset, 2)
  t.equal(subscription.floor, 2)
  under.accept(3)
  under.endTurn()
  t.same(bob.writes, [[3]])
  t.same(alice.writes, [[1, 2, 3]])
})

t.test('a subscription that opens at the end of a batch gets nothing of it', async t => {
  const { under } = roomAt(0)
  const bob = new Listener('bob')
  const subscription = under.enter(bob)
  under.accept(1, 2)
  subscription.open()
  under.endTurn()
  t.same(bob.writes, [])
})

t.test('a subscription that ends in the middle of a batch gets nothing of it, and the others all', async t => {
  const { under, alice } = roomAt(0)
  const bob = new Listener('bob')
  const subscription = under.enter(bob)
  subscription.open()
  under.accept(1)
  under.leave(bob)
  t.equal(subscription.isOpen, false)
  under.accept(2)
  under.endTurn()
  t.same(bob.writes, [])
  t.same(alice.writes, [[1, 2]])
  t.equal(under.room.size, 1)
})

t.test('a subscription that ends and begins again within a turn gets what follows its new floor', async t => {
  const { under } = roomAt(0)
  const bob = new Listener('bob')
  under.enter(bob).open()
  under.accept(1)
  under.leave(bob)
  const again = under.enter(bob)
  under.accept(2)
  again.open()
  under.accept(3)
  under.endTurn()
  t.same(bob.writes, [[3]])
})

t.test('opening again writes what waits before the answer, so that the answer covers it', async t => {
  const { under, alice, subscription } = roomAt(0)
  under.accept(1)
  t.equal(subscription.open().offset, 1)
  t.same(alice.writes, [[1]])
  under.endTurn()
  t.same(alice.writes, [[1]], 'and only once')
})

t.test('a connection that is left out gets the rest of the batch', async t => {
  const { under, alice } = roomAt(0)
  const bob = new Listener('bob')
  under.enter(bob).open()
  under.accept(1)
  under.room.accept(publicationAt(2, { except: 'alice' }))
  under.accept(3)
  under.room.accept(publicationAt(4, { except: 'somebody elsewhere' }))
  under.endTurn()
  t.same(alice.writes, [[1, 3, 4]])
  t.same(bob.writes, [[1, 2, 3, 4]])
})

t.test('a connection that is left out of everything is not written to', async t => {
  const { under, alice } = roomAt(0)
  under.room.accept(publicationAt(1, { except: 'alice' }))
  under.endTurn()
  t.same(alice.writes, [])
})

t.test('what arrives a second time is dropped', async t => {
  const { under, alice } = roomAt(0)
  under.accept(1, 2, 1, 2, 2)
  under.endTurn()
  under.accept(1, 2)
  under.endTurn()
  t.same(alice.writes, [[1, 2]])
})

t.test('what was published before the end that was read is dropped', async t => {
  const { under, alice } = roomAt(5)
  under.accept(4, 5, 6)
  under.endTurn()
  t.same(alice.writes, [[6]])
})

t.test('a publication that arrives before the end is read counts, and is not repeated', async t => {
  const under = new RoomUnderTest()
  const alice = new Listener('alice')
  const subscription = under.enter(alice)
  t.equal(under.room.isPositioned, false)
  under.accept(7)
  t.equal(under.room.isPositioned, true)
  under.room.settle({ epoch: 'e1', offset: 6 })
  t.equal(subscription.open().offset, 7)
  under.endTurn()
  under.accept(7, 8)
  under.endTurn()
  t.same(alice.writes, [[8]])
})

t.test('asking a room for its position before it was read is a bug, and says so', async t => {
  const under = new RoomUnderTest()
  under.enter(new Listener('alice'))
  t.throws(() => under.room.position, { message: /lobby/ })
})
