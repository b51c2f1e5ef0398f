import t from 'tap'
import { Fanout } from '../../src/core/fanout.ts'
import { Hub } from '../../src/core/hub.ts'
import { DEFAULT_HISTORY } from '../../src/core/room-policies.ts'
import type { Room } from '../../src/core/room.ts'
import { Listener, publicationAt } from './fixtures/listener.ts'

const CROWD = 2_500

function turn (): Promise<void> {
  return new Promise(resolve => { setImmediate(resolve) })
}

/** Rooms with open subscriptions, written at the ends of real turns. */
class FanoutUnderTest {
  readonly fanout = new Fanout()
  readonly hub = new Hub({ onPending: this.fanout.schedule, onHole: () => {}, historyOf: () => DEFAULT_HISTORY, now: () => Date.now() })

  crowd (name: string, count: number): { room: Room, listeners: Listener[] } {
    const listeners = Array.from({ length: count }, (_, index) => this.join(name, `${name} ${index}`))
    const room = this.hub.room(name)
    if (room === undefined) throw new Error('nobody is in the room')
    return { room, listeners }
  }

  join (name: string, connectionId: string): Listener {
    const listener = new Listener(connectionId)
    const { subscription, first } = this.hub.add(name, listener.connection)
    if (first) subscription.room.settle({ epoch: 'e1', offset: 0 })
    subscription.open()
    return listener
  }
}

function reached (listeners: readonly Listener[]): number {
  return listeners.filter(({ writes }) => writes.length > 0).length
}

t.test('a very large room is written over several turns, so that others have theirs in between', async t => {
  const under = new FanoutUnderTest()
  const { room, listeners } = under.crowd('stadium', CROWD)
  room.accept(publicationAt(1))
  const counts: number[] = []
  for (let n = 0; n < 4; n++) {
    await turn()
    counts.push(reached(listeners))
  }
  t.same(counts, [1_000, 2_000, 2_500, 2_500])
})

t.test('what comes while a room is being written follows in order, to everybody, joined to one write', async t => {
  const under = new FanoutUnderTest()
  const { room, listeners } = under.crowd('stadium', CROWD)
  room.accept(publicationAt(1))
  await turn()
  room.accept(publicationAt(2))
  room.accept(publicationAt(3))
  for (let n = 0; n < 6; n++) await turn()
  t.ok(listeners.every(({ writes }) => JSON.stringify(writes) === '[[1],[2,3]]'))
  t.ok(room.isFlushed)
})

t.test('who comes while a room is being written gets what follows, and who goes gets nothing more', async t => {
  const under = new FanoutUnderTest()
  const { room, listeners } = under.crowd('stadium', CROWD)
  room.accept(publicationAt(1))
  await turn()
  const late = under.join('stadium', 'late')
  const gone = listeners.at(-1)
  if (gone !== undefined) under.hub.remove('stadium', gone.connection)
  room.accept(publicationAt(2))
  for (let n = 0; n < 6; n++) await turn()
  t.same(late.writes, [[2]])
  t.same(gone?.writes, [])
})

t.test('what a room tells all comes after what it was writing', async t => {
  const under = new FanoutUnderTest()
  const { room, listeners } = under.crowd('stadium', CROWD)
  room.accept(publicationAt(1))
  await turn()
  room.accept(publicationAt(4))
  room.heal({ epoch: 'e1', offset: 4, publications: [publicationAt(4)], more: false })
  for (let n = 0; n < 6; n++) await turn()
  t.ok(listeners.every(({ writes }) => JSON.stringify(writes.flat()) === '[1,"gap",4]'))
})

t.test('a small room does not wait until a large one is written', async t => {
  const under = new FanoutUnderTest()
  const stadium = under.crowd('stadium', 4_000)
  const lobby = under.crowd('lobby', 3)
  stadium.room.accept(publicationAt(1))
  await turn()
  lobby.room.accept({ ...publicationAt(1), room: 'lobby' })
  for (let n = 0; n < 2; n++) await turn()
  t.equal(reached(lobby.listeners), 3)
  t.ok(reached(stadium.listeners) < 4_000)
})

t.test('everything that waits can be written at once', async t => {
  const under = new FanoutUnderTest()
  const { room, listeners } = under.crowd('stadium', CROWD)
  room.accept(publicationAt(1))
  await turn()
  room.accept(publicationAt(2))
  under.fanout.finish()
  t.ok(listeners.every(({ writes }) => JSON.stringify(writes) === '[[1],[2]]'))
})
