import t from 'tap'
import { Listener, publicationAt, RoomUnderTest } from './fixtures/listener.ts'

function roomAt (offset: number) {
  const under = new RoomUnderTest()
  const alice = new Listener('alice')
  const subscription = under.enter(alice)
  under.room.settle({ epoch: 'e1', offset })
  return { under, alice, subscription }
}

function openRoomAt (offset: number) {
  const made = roomAt(offset)
  made.subscription.open()
  return made
}

const gaps = (listener: Listener) => listener.frames.filter(({ type }) => type === 'gap')

t.test('a hole is read from the history, and delivered in order with what arrived meanwhile', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(6, 7)
  under.endTurn()
  t.same(alice.writes, [], 'nothing goes out before the hole is filled')
  under.heal({ epoch: 'e1', offset: 7 }, [4, 5, 6, 7])
  under.accept(8)
  under.endTurn()
  t.same(alice.writes.flat(), [4, 5, 6, 7, 8])
})

t.test('a hole that the history does not hold is told before the publication that showed it, with the position after which to go on', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(6)
  under.heal({ epoch: 'e1', offset: 6 })
  under.endTurn()
  t.same(alice.writes.flat(), ['gap', 6])
  t.same(gaps(alice), [{ type: 'gap', room: 'lobby', epoch: 'e1', offset: 5 }])
})

t.test('a hole of which the history holds only the end is told up to there', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(9)
  under.heal({ epoch: 'e1', offset: 9 }, [7, 8, 9])
  under.endTurn()
  t.same(alice.writes.flat(), ['gap', 7, 8, 9])
  t.same(gaps(alice), [{ type: 'gap', room: 'lobby', epoch: 'e1', offset: 6 }])
})

t.test('a history that is read in pages is read to its end before anything newer goes out', async t => {
  const { under, alice } = openRoomAt(0)
  under.accept(5)
  under.heal({ epoch: 'e1', offset: 5 }, [1, 2], true)
  under.heal({ epoch: 'e1', offset: 5 }, [3, 4, 5])
  under.endTurn()
  t.same(alice.writes.flat(), [1, 2, 3, 4, 5])
})

t.test('what had arrived before a hole goes out before it is told', async t => {
  const { under, alice } = openRoomAt(0)
  under.accept(1, 2, 5, 6)
  under.heal({ epoch: 'e1', offset: 6 })
  under.endTurn()
  t.same(alice.writes.flat(), [1, 2, 'gap', 5, 6])
})

t.test('a new epoch that inherits the position goes on without a gap, and tells its name', async t => {
  const { under, alice } = openRoomAt(3)
  under.room.accept(publicationAt(5, { epoch: 'e2' }))
  under.heal({ epoch: 'e2', offset: 5, inherits: { epoch: 'e1', upTo: 4 } }, [4, 5])
  under.endTurn()
  t.same(alice.writes.flat(), ['subscribed', 4, 5])
  t.match(alice.frames[0], { type: 'subscribed', room: 'lobby', epoch: 'e2', offset: 3, recovered: true })
  t.same(under.room.after({ epoch: 'e1', offset: 3 })?.map(({ offset }) => offset), [4, 5], 'positions of the old one still mean something')
})

t.test('a new epoch that does not reach back to the position is a gap, told before anything of it', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(4)
  under.room.accept(publicationAt(1, { epoch: 'e2' }))
  under.room.accept(publicationAt(2, { epoch: 'e2' }))
  under.heal({ epoch: 'e2', offset: 2, inherits: { epoch: 'e1', upTo: 2 } })
  under.endTurn()
  t.same(alice.writes.flat(), [4, 'gap', 1, 2])
  t.same(gaps(alice), [{ type: 'gap', room: 'lobby', epoch: 'e2', offset: 0 }])
})

t.test('what was held of an old epoch ends with it, and is not asked about again', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(6)
  under.heal({ epoch: 'e2', offset: 7, inherits: { epoch: 'e1', upTo: 7 } }, [4, 5, 6, 7])
  under.endTurn()
  t.same(under.holes, [], 'nothing is missing any more')
  t.same(alice.writes.flat(), ['subscribed', 4, 5, 6, 7])
  t.same(under.room.after({ epoch: 'e1', offset: 6 })?.map(({ offset }) => offset), [7], 'all that the new epoch inherits still means something')
})

t.test('an end that is ahead of what arrived is read from the history too', async t => {
  const { under, alice } = openRoomAt(3)
  under.room.settle({ epoch: 'e1', offset: 5 })
  under.accept(6)
  under.heal({ epoch: 'e1', offset: 5 }, [4, 5])
  under.endTurn()
  t.same(alice.writes.flat(), [4, 5, 6])
})

t.test('an end that is behind what arrived, or equal to it, says nothing', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(4)
  under.room.settle({ epoch: 'e1', offset: 3 })
  under.room.settle({ epoch: 'e1', offset: 4 })
  under.accept(5)
  under.endTurn()
  t.same(under.holes, [])
  t.same(alice.writes, [[4, 5]])
})

t.test('a subscription that is not open yet is not told of a gap, and begins behind it', async t => {
  const { under, alice, subscription } = roomAt(3)
  under.accept(6)
  under.heal({ epoch: 'e1', offset: 6 })
  t.same(subscription.open(), { epoch: 'e1', offset: 6 })
  under.accept(7)
  under.endTurn()
  t.same(alice.writes, [[7]])
})

t.test('a deleted history is not replayed, and what follows is', async t => {
  const { under } = openRoomAt(0)
  under.accept(1, 2)
  under.room.forget()
  t.equal(under.room.after({ epoch: 'e1', offset: 1 }), undefined)
  under.accept(3)
  t.same(under.room.after({ epoch: 'e1', offset: 2 })?.length, 1)
  t.same(under.room.after({ epoch: 'e1', offset: 3 }), [])
})
