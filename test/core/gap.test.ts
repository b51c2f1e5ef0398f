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

t.test('a hole is told before the publication that showed it, with the position after which to go on', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(6)
  under.endTurn()
  t.same(alice.writes, [['gap'], [6]])
  t.same(gaps(alice), [{ type: 'gap', room: 'lobby', epoch: 'e1', offset: 5 }])
})

t.test('what had arrived before a hole goes out before it is told', async t => {
  const { under, alice } = openRoomAt(0)
  under.accept(1, 2, 5, 6)
  under.endTurn()
  t.same(alice.writes.flat(), [1, 2, 'gap', 5, 6])
})

t.test('a new epoch is a gap, told before anything of it', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(4)
  under.room.accept(publicationAt(1, { epoch: 'e2' }))
  under.room.accept(publicationAt(2, { epoch: 'e2' }))
  under.endTurn()
  t.same(alice.writes.flat(), [4, 'gap', 1, 2])
  t.same(gaps(alice), [{ type: 'gap', room: 'lobby', epoch: 'e2', offset: 0 }])
})

t.test('an end that is ahead of what arrived is a gap up to it', async t => {
  const { under, alice } = openRoomAt(3)
  under.room.settle({ epoch: 'e1', offset: 9 })
  t.same(gaps(alice), [{ type: 'gap', room: 'lobby', epoch: 'e1', offset: 9 }])
  under.accept(9, 10)
  under.endTurn()
  t.same(alice.writes, [['gap'], [10]])
})

t.test('an end in another epoch is a gap, also where its offset is lower', async t => {
  const { under, alice } = openRoomAt(7)
  under.room.settle({ epoch: 'e2', offset: 2 })
  under.room.accept(publicationAt(3, { epoch: 'e2' }))
  under.endTurn()
  t.same(alice.writes.flat(), ['gap', 3])
  t.same(gaps(alice), [{ type: 'gap', room: 'lobby', epoch: 'e2', offset: 2 }])
})

t.test('an end that is behind what arrived, or equal to it, says nothing', async t => {
  const { under, alice } = openRoomAt(3)
  under.accept(4)
  under.room.settle({ epoch: 'e1', offset: 3 })
  under.room.settle({ epoch: 'e1', offset: 4 })
  under.accept(5)
  under.endTurn()
  t.same(alice.writes, [[4, 5]])
})

t.test('a subscription that is not open yet is not told of a gap, and begins behind it', async t => {
  const { under, alice, subscription } = roomAt(3)
  under.accept(6)
  t.same(subscription.open(), { epoch: 'e1', offset: 6 })
  under.accept(7)
  under.endTurn()
  t.same(alice.writes, [[7]])
})
