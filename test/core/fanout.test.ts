import { mock } from 'node:test'
import t from 'tap'
import { Fanout } from '../../src/core/fanout.ts'
import { Hub } from '../../src/core/hub.ts'
import { Meters } from '../../src/core/meters.ts'
import { DEFAULT_HISTORY } from '../../src/core/room-policies.ts'
import type { Room } from '../../src/core/room.ts'
import { until } from '../helpers/until.ts'
import { Listener, publicationAt } from './fixtures/listener.ts'

const CROWD = 2_500

function turn (): Promise<void> {
  return new Promise(resolve => { setImmediate(resolve) })
}

/** Rooms with open subscriptions, written at the ends of real turns, which take no time unless the test says so. */
class FanoutUnderTest {
  #clockMs = 0
  readonly meters = new Meters()
  readonly fanout = new Fanout({ seconds: this.meters.fanoutSeconds, now: () => this.#clockMs })
  readonly hub = new Hub({ onPending: this.fanout.schedule, onHole: () => {}, historyOf: () => DEFAULT_HISTORY, slowOf: () => 'disconnect', now: () => Date.now(), meters: this.meters })

  crowd (name: string, count: number): { room: Room, listeners: Listener[] } {
    const listeners = Array.from({ length: count }, (_, index) => this.join(name, `${name} ${index}`))
    return { room: this.#room(name), listeners }
  }

  /** A room with one subscription, writing to which takes as long as to thousands. */
  slow (name: string): { room: Room, listener: Listener } {
    const listener = this.join(name, 'slow')
    listener.onWrite = () => { this.#clockMs += 20 }
    return { room: this.#room(name), listener }
  }

  join (name: string, connectionId: string): Listener {
    const listener = new Listener(connectionId)
    const { subscription, first } = this.hub.add(name, listener.connection)
    if (first) subscription.room.settle({ epoch: 'e1', offset: 0 })
    subscription.open()
    return listener
  }

  #room (name: string): Room {
    const room = this.hub.room(name)
    if (room === undefined) throw new Error('nobody is in the room')
    return room
  }
}

/** Waits until rooms have written all that they have, rests included. */
function flushed (...rooms: readonly Room[]): Promise<boolean> {
  return until('everything written', true, () => rooms.every(({ isFlushed }) => isFlushed))
}

function reached (listeners: readonly Listener[]): number {
  return listeners.filter(({ writes }) => writes.length > 0).length
}

t.test('P41: a very large room is written over several turns, so that others have theirs in between', async t => {
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

t.test('P41: what comes while a room is being written follows in order, to everybody, joined to one write', async t => {
  const under = new FanoutUnderTest()
  const { room, listeners } = under.crowd('stadium', CROWD)
  room.accept(publicationAt(1))
  await turn()
  room.accept(publicationAt(2))
  room.accept(publicationAt(3))
  await flushed(room)
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
  await flushed(room)
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
  await flushed(room)
  t.ok(listeners.every(({ writes }) => JSON.stringify(writes.flat()) === '[1,"gap",4]'))
})

t.test('P41: a small room does not wait until a large one is written', async t => {
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

t.test('a room whose write took long gathers for a while before its next one, and no other room waits for that', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  const under = new FanoutUnderTest()
  const { room: stadium, listener: slow } = under.slow('stadium')
  const { room: lobby, listeners: [quick] } = under.crowd('lobby', 1)
  stadium.accept(publicationAt(1))
  await turn()
  for (const offset of [2, 3, 4]) {
    stadium.accept(publicationAt(offset))
    lobby.accept({ ...publicationAt(offset - 1), room: 'lobby' })
    await turn()
  }
  t.same(quick?.writes, [[1], [2], [3]])
  t.same(slow.writes, [[1]])
  mock.timers.tick(10)
  await turn()
  t.same(slow.writes, [[1], [2, 3, 4]])
})

t.test('what a room that rests has gathered is written at once where that is asked for', async t => {
  const under = new FanoutUnderTest()
  const { room, listener } = under.slow('stadium')
  room.accept(publicationAt(1))
  await turn()
  room.accept(publicationAt(2))
  under.fanout.finish()
  t.same(listener.writes, [[1], [2]])
})
