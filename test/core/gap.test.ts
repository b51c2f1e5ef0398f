import t from 'tap'
import { missedFrom } from '../../src/core/publication.ts'
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

t.test('of a new epoch everything is delivered that is new to who got as far as the old one', async t => {
  for (const { inherits, kept } of [{ inherits: undefined, kept: 0 }, { inherits: { epoch: 'e1', upTo: 2 }, kept: 2 }]) {
    const { under, alice } = openRoomAt(3)
    under.room.accept(publicationAt(5, { epoch: 'e2' }))
    const missed = Array.from({ length: 4 - kept }, (_, index) => kept + 1 + index)
    under.heal({ epoch: 'e2', offset: 4, inherits }, missed)
    under.endTurn()
    t.same(alice.writes.flat(), ['gap', ...missed, 5])
    t.same(gaps(alice), [{ type: 'gap', room: 'lobby', epoch: 'e2', offset: kept }])
  }
})

t.test('what is new under an epoch begins where it begins, or where it parted from the old one', async t => {
  const position = { epoch: 'e1', offset: 5 }
  const cases = [
    { end: { epoch: 'e1', offset: 9 }, from: 5 },
    { end: { epoch: 'e2', offset: 9 }, from: 0 },
    { end: { epoch: 'e2', offset: 9, inherits: { epoch: 'e1', upTo: 7 } }, from: 5 },
    { end: { epoch: 'e2', offset: 9, inherits: { epoch: 'e1', upTo: 3 } }, from: 3 },
    // How that epoch stands to the old one is not known, but that offsets are not given back.
    { end: { epoch: 'e3', offset: 9, inherits: { epoch: 'e2', upTo: 7 } }, from: 5 }
  ]
  for (const { end, from } of cases) t.equal(missedFrom(end, position), from, JSON.stringify(end))
})

t.test('what had arrived is delivered, also where the history has dropped it by the time that it is read', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(6, 7, 9)
  under.heal({ epoch: 'e1', offset: 10 }, [10])
  under.accept(10, 11)
  under.endTurn()
  t.same(alice.writes.flat(), ['gap', 6, 7, 'gap', 9, 10, 11])
  t.same(gaps(alice).map(({ offset }) => offset), [5, 8])
})

t.test('what is missing between the end of the history that was read, and what arrived, is read in its turn', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(6, 9)
  under.heal({ epoch: 'e1', offset: 6 }, [4, 5, 6])
  under.heal({ epoch: 'e1', offset: 9 }, [7, 8, 9])
  under.endTurn()
  t.same(alice.writes.flat(), [4, 5, 6, 7, 8, 9])
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
