import t from 'tap'
import type { Codec } from '../../src/core/codec.ts'
import { createCodec } from './fixtures/fake-transport.ts'
import { Listener, publicationAt, RoomUnderTest } from './fixtures/listener.ts'

/** A room whose slow ones get the newest publication only, with two subscriptions. */
function latestRoom () {
  const under = new RoomUnderTest('latest')
  const [slow, fast] = [new Listener('slow'), new Listener('fast')]
  const [subscription, other] = [under.enter(slow), under.enter(fast)]
  under.room.settle({ epoch: 'e1', offset: 0 })
  subscription.open()
  other.open()
  slow.isSlow = true
  const publish = (...offsets: number[]): void => {
    for (const offset of offsets) {
      under.accept(offset)
      under.endTurn()
    }
  }
  /** The peer has read everything. */
  const drain = (): void => {
    slow.isSlow = false
    slow.drain()
  }
  return { under, slow, fast, subscription, publish, drain }
}

function skippedIn ({ frames }: Listener): unknown[] {
  return frames.filter(({ skipped }) => skipped === true).map(({ offset }) => offset)
}

t.test('who does not read gets the newest when it does again, marked as after skipped ones, and the others get everything', async t => {
  const { slow, fast, publish, drain } = latestRoom()
  publish(1, 2, 3)
  t.same(slow.writes, [])
  drain()
  t.same(slow.frames, [{ type: 'message', room: 'lobby', offset: 3, data: 3, at: 1_003, skipped: true }])
  publish(4)
  t.same(slow.writes, [[3], [4]])
  t.same(skippedIn(slow), [3], 'what follows it is not marked')
  t.same(fast.writes, [[1], [2], [3], [4]])
  t.same(skippedIn(fast), [])
})

t.test('what is held without anything skipped before it is not marked', async t => {
  const { slow, publish, drain } = latestRoom()
  publish(1)
  drain()
  t.same(slow.writes, [[1]])
  t.same(skippedIn(slow), [])
})

t.test('of several in one turn the newest is held, marked', async t => {
  const { under, slow, fast, drain } = latestRoom()
  under.accept(1, 2)
  under.endTurn()
  drain()
  t.same(skippedIn(slow), [2])
  t.same(fast.writes, [[1, 2]])
})

t.test('what is held is written before anything newer, also where nothing waits any more by then', async t => {
  const { under, slow, publish, drain } = latestRoom()
  publish(1, 2)
  slow.isSlow = false
  publish(3)
  t.same(slow.writes, [], 'it has not drained yet')
  under.accept(4)
  drain()
  under.endTurn()
  t.same(slow.writes, [[3], [4]])
  t.same(skippedIn(slow), [3])
})

t.test('where others have written to the connection meanwhile, it is held until that has gone out too', async t => {
  const { slow, publish, drain } = latestRoom()
  publish(1, 2)
  slow.drain()
  publish(3)
  t.same(slow.writes, [])
  drain()
  t.same(slow.writes, [[3]])
  drain()
  t.same(slow.writes, [[3]], 'once')
})

t.test('who is left out of the newest gets the newest that it is not left out of', async t => {
  const { under, slow, publish, drain } = latestRoom()
  publish(1, 2)
  under.room.accept(publicationAt(3, { except: 'slow' }))
  under.endTurn()
  drain()
  t.same(slow.writes, [[2]])
  t.same(skippedIn(slow), [2])
})

t.test('who is left out of all that came while it did not read gets nothing, and what follows without a mark', async t => {
  const { under, slow, publish, drain } = latestRoom()
  under.room.accept(publicationAt(1, { except: 'slow' }))
  under.endTurn()
  drain()
  publish(2)
  t.same(slow.writes, [[2]])
  t.same(skippedIn(slow), [])
})

t.test('of a volatile one that is the newest, the mark tells that others were skipped', async t => {
  const { under, slow, publish, drain } = latestRoom()
  publish(1)
  under.acceptVolatile()
  under.endTurn()
  drain()
  t.same(slow.writes, [['volatile']])
  t.equal(slow.frames[0]?.['skipped'], true)
})

t.test('a gap covers what is held: only the gap is told, and what follows it has no mark', async t => {
  const { under, slow, fast, publish, drain } = latestRoom()
  publish(1, 2)
  under.accept(9)
  under.heal({ epoch: 'e1', offset: 9 }, [9])
  under.endTurn()
  drain()
  t.same(slow.writes, [['gap'], [9]])
  t.same(skippedIn(slow), [])
  t.same(fast.writes, [[1], [2], ['gap'], [9]])
})

t.test('what is held of the old epoch comes before the name of the new one', async t => {
  const { under, slow, publish, drain } = latestRoom()
  publish(1, 2)
  under.room.settle({ epoch: 'e2', offset: 2 })
  under.heal({ epoch: 'e2', offset: 2, inherits: { epoch: 'e1', upTo: 2 } })
  drain()
  t.same(slow.writes, [[2], ['subscribed']])
})

t.test('an answer to a second subscribe comes after what is held, since its position covers that', async t => {
  const { slow, subscription, publish, drain } = latestRoom()
  publish(1, 2)
  t.equal(subscription.open().offset, 2)
  t.same(slow.writes, [[2]])
  drain()
  t.same(slow.writes, [[2]], 'and only once')
})

t.test('who unsubscribes gets nothing of what was held, also after subscribing again', async t => {
  const { under, slow, subscription, publish, drain } = latestRoom()
  publish(1, 2)
  subscription.end()
  drain()
  under.leave(slow)
  under.enter(slow).open()
  drain()
  t.same(slow.writes, [])
  publish(3)
  t.same(slow.writes, [[3]])
  t.same(skippedIn(slow), [])
})

t.test('a history that was deleted takes nothing from those to whom delivery has begun', async t => {
  const { under, slow, publish, drain } = latestRoom()
  publish(1, 2)
  under.room.forget()
  drain()
  t.same(slow.writes, [[2]])
})

t.test('P41: a publication that a hundred slow ones get after skipped ones is encoded once for all of them', async t => {
  const { under, publish } = latestRoom()
  const codec = createCodec()
  const counts = { next: 0, 'after skipped ones': 0 }
  const counting: Codec = {
    protocol: codec.protocol,
    decode: (...args) => codec.decode(...args),
    encode: frame => codec.encode(frame),
    encodePublication: (publication, place = 'next') => {
      counts[place]++
      return codec.encodePublication(publication, place)
    }
  }
  const listeners = Array.from({ length: 100 }, (_, index) => new Listener(`slow ${index}`, counting))
  for (const listener of listeners) {
    under.enter(listener).open()
    listener.isSlow = true
  }
  publish(1, 2, 3)
  for (const listener of listeners) {
    listener.isSlow = false
    listener.drain()
  }
  t.ok(listeners.every(listener => JSON.stringify(listener.writes) === '[[3]]'))
  t.same(counts, { next: 3, 'after skipped ones': 1 })
})

t.test('where the policy is to disconnect, a room holds nothing', async t => {
  const under = new RoomUnderTest()
  const slow = new Listener('slow')
  const subscription = under.enter(slow)
  under.room.settle({ epoch: 'e1', offset: 0 })
  subscription.open()
  slow.isSlow = true
  under.accept(1)
  under.endTurn()
  t.same(slow.writes, [[1]])
})
