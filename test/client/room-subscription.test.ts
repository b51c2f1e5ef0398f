import t from 'tap'
import { RoomSubscription } from '../../client/room-subscription.ts'
import { fakeTime } from '../helpers/fake-clock.ts'

const AT = 1_795_574_436_496

/** A room on a connection of the test's own: what it asks for, and what it tells. */
function createRoom (name = 'lobby'): { room: RoomSubscription, asked: Array<Record<string, unknown>>, told: unknown[] } {
  const asked: Array<Record<string, unknown>> = []
  const told: unknown[] = []
  const room = new RoomSubscription(name, { request: frame => asked.push({ ...frame }) })
  room.events.on('message', ({ data }) => { told.push(data) })
  room.events.on('gap', ({ epoch, offset }) => { told.push(`gap ${epoch} ${offset}`) })
  room.events.on('recovered', count => { told.push(`recovered ${count}`) })
  return { room, asked, told }
}

const message = (offset: number): Parameters<RoomSubscription['message']>[0] => ({ room: 'lobby', offset, data: offset, at: AT })
const entry = (epoch: string, offset: number): { room: string, epoch: string, offset: number } => ({ room: 'lobby', epoch, offset })

/** A welcome's word of the room, as it comes over the wire. */
function replay (epoch: string, offset: number, missed: readonly number[]): Parameters<RoomSubscription['welcome']>[0] {
  const publications = missed.map(offset => ({ offset, data: offset, at: AT }))
  return { ...entry(epoch, offset), recovered: true, publications: publications as never }
}

t.test('a duplicate is dropped, whether it is live or replayed', async t => {
  const { room, told } = createRoom()
  room.subscribe('plain')
  room.subscribed(entry('a', 3), 1)
  for (const offset of [3, 4, 4, 5, 2]) room.message(message(offset))
  room.lost()
  room.welcome(replay('a', 7, [5, 6, 7]), true)
  room.message(message(7))
  room.message(message(8))
  t.same(told, [4, 5, 6, 7, 'recovered 2', 8])
})

t.test('a message after skipped ones says so, and the next resume goes on from it', async t => {
  const { room, told } = createRoom()
  const marks: unknown[] = []
  room.events.on('message', message => { marks.push('skipped' in message ? message.skipped : 'none') })
  room.subscribe('plain')
  room.subscribed(entry('a', 3), 1)
  room.message(message(4))
  room.message({ ...message(9), skipped: true })
  room.message(message(10))
  t.same(told, [4, 9, 10])
  t.same(marks, ['none', true, 'none'])
  t.same(room.position, { epoch: 'a', offset: 10 })
})

t.test('a gap moves the position back or forth, and numbers of a new epoch begin anew', async t => {
  const { room, told } = createRoom()
  room.subscribe('plain')
  room.subscribed(entry('a', 9), 1)
  room.gap(entry('b', 0))
  room.message(message(1))
  t.same(told, ['gap b 0', 1])
  t.same(room.position, { epoch: 'b', offset: 1 })
})

t.test('a new name of the epoch is learnt, and the next resume says it', async t => {
  const { room, told } = createRoom()
  room.subscribe('plain')
  room.subscribed(entry('a', 9), 1)
  room.subscribed({ ...entry('b', 9), recovered: true }, undefined)
  room.message(message(10))
  room.lost()
  t.same(room.resumption, { room: 'lobby', since: { epoch: 'b', offset: 10 } })
  t.same(told, [10])
})

t.test('what could not be recovered is a gap', async t => {
  const { room, told } = createRoom()
  room.subscribe('plain')
  room.subscribed(entry('a', 9), 1)
  room.lost()
  room.welcome({ ...entry('b', 4), recovered: false, publications: [] }, true)
  room.message(message(5))
  t.same(told, ['gap b 4', 5])
})

t.test('an answer to a subscribe that was taken back opens nothing', async t => {
  const { room, asked, told } = createRoom()
  room.subscribe('plain')
  room.unsubscribe()
  const second = room.subscribe('plain')
  t.same(asked.map(({ type }) => type), ['subscribe', 'unsubscribe', 'subscribe'])
  room.subscribed(entry('a', 3), 1)
  room.message(message(4))
  t.equal(room.state, 'subscribing')
  room.subscribed(entry('a', 5), 3)
  room.message(message(6))
  t.same(await second, { epoch: 'a', offset: 5 })
  t.same(told, [6])
})

t.test('word of the subscription before opens nothing while the answer to a new subscribe is on its way', async t => {
  const { room, told } = createRoom()
  room.subscribe('plain')
  room.subscribed(entry('a', 3), 1)
  room.unsubscribe()
  const second = room.subscribe('plain')
  room.subscribed({ ...entry('b', 3), recovered: true }, undefined)
  t.equal(room.state, 'subscribing')
  room.subscribed(entry('b', 6), 3)
  room.message(message(7))
  t.same(await second, { epoch: 'b', offset: 6 }, 'what was published in between is not the new one\'s')
  t.same(told, [7])
})

t.test('a node that is behind another tells nothing again', async t => {
  const { room, told } = createRoom('$all')
  room.welcome(entry('a', 3), false)
  room.message(message(4))
  room.lost()
  room.welcome(entry('a', 3), false)
  for (const offset of [4, 5]) room.message(message(offset))
  t.same(told, [4, 5])
})

t.test('a listener that unsubscribes ends the replay it is in', async t => {
  const { room, asked, told } = createRoom()
  room.subscribe('plain')
  room.subscribed(entry('a', 0), 1)
  room.lost()
  room.events.on('message', () => { room.unsubscribe() })
  room.welcome(replay('a', 3, [1, 2, 3]), true)
  room.message(message(4))
  t.same(told, [1])
  t.equal(room.state, 'unsubscribed')
  t.equal(room.resumption, undefined)
  t.match(asked.at(-1), { type: 'unsubscribe' })
})

t.test('presence that is refused leaves a subscription as it was', async t => {
  const { room, told } = createRoom()
  room.subscribe('plain')
  room.subscribed(entry('a', 0), 1)
  const presence = room.subscribe('with presence')
  room.refused({ type: 'error', id: 2, room: 'lobby', code: 'room_forbidden', message: 'no' })
  await t.rejects(presence, { code: 'room_forbidden' })
  room.message(message(1))
  t.same(told, [1])
  t.same(room.resumption, { room: 'lobby', since: { epoch: 'a', offset: 1 } })
})

t.test('an unsubscribe that was refused for now is sent again, unless the room is wanted by then', async t => {
  const time = fakeTime(t, 'setTimeout')
  const { room, asked } = createRoom()
  const refuse = (id: number): void => { room.refused({ type: 'error', id, room: 'lobby', code: 'rate_limited', message: 'later', retryAfterMs: 10 }) }
  room.subscribe('plain')
  room.subscribed(entry('a', 0), 1)
  room.unsubscribe()
  refuse(2)
  time.advance(20)
  t.same(asked.map(({ type }) => type), ['subscribe', 'unsubscribe', 'unsubscribe'])
  refuse(3)
  room.subscribe('plain')
  time.advance(20)
  t.notOk(asked.slice(3).some(({ type }) => type === 'unsubscribe'))
  room.refused({ type: 'error', id: 99, room: 'lobby', code: 'rate_limited', message: 'of another', retryAfterMs: 10 })
  const { length } = asked
  time.advance(20)
  t.equal(asked.length, length)
})

t.test('a room of the server that is unsubscribed only falls silent, and goes on from where the server is', async t => {
  const { room, asked, told } = createRoom('$all')
  room.welcome(entry('a', 0), false)
  room.message(message(1))
  room.unsubscribe()
  room.message(message(2))
  await room.subscribe('with presence')
  room.message(message(3))
  t.same(told, [1, 3])
  t.same(asked, [])
})
