import t from 'tap'
import { RoomcastError } from '../../src/core/errors.ts'
import type { Position } from '../../src/core/publication.ts'
import { dueForAssertion } from '../../src/core/rolling.ts'
import { fakeTime } from '../helpers/fake-clock.ts'
import { until } from '../helpers/until.ts'
import { startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

const HOUR_MS = 60 * 60 * 1_000

/** Nobody is asked for a sign of life while these tests move time on. */
const PATIENT = { pingIntervalMs: 100 * HOUR_MS }

t.test('what is old enough is due, a few at a time', async t => {
  const items = [{ assertedAt: 900 }, { assertedAt: 901 }, { assertedAt: 0 }, { assertedAt: 1_000 }, { assertedAt: 5 }]
  t.same(dueForAssertion(items, 1_000, 100, 10).map(({ assertedAt }) => assertedAt), [900, 0, 5])
  t.same(dueForAssertion(items, 1_000, 100, 2).map(({ assertedAt }) => assertedAt), [900, 0])
  t.same(dueForAssertion([], 1_000, 100, 2), [])
})

t.test('a room that lost something without anybody noticing gets it within a minute', async t => {
  const time = fakeTime(t)
  const broker = new ScriptedBroker()
  const { realtime, connect } = await startMemoryNode(t, { broker, settings: PATIENT })
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  broker.cut()
  await realtime.publish({ room: 'lobby' }, 'missed')
  time.advance(59_000)
  t.same(await alice.rest(), [])
  time.advance(1_000)
  t.match(await alice.next('what was missed'), { type: 'message', room: 'lobby', data: 'missed', offset: 1 })
  t.same(await alice.rest(), [], 'and the rooms that lost nothing get nothing')
})

t.test('a broker that fails a comparison is asked again a second later', async t => {
  const time = fakeTime(t)
  const broker = new ScriptedBroker()
  const { realtime, connect, log } = await startMemoryNode(t, { broker, settings: PATIENT })
  const alice = await connect('alice', { rooms: ['lobby'] })
  broker.cut()
  await realtime.publish({ room: 'lobby' }, 'missed')
  broker.failNext('check')
  time.advance(60_000)
  await until('failed comparison', true, () => log.of('debug').includes('the rooms could not be compared yet'))
  time.advance(1_000)
  t.match(await alice.next('what was missed'), { type: 'message', room: 'lobby', data: 'missed', offset: 1 })
})

t.test('after an interruption the rooms are compared again and again until that succeeds, without a word in the log', async t => {
  const broker = new ScriptedBroker()
  const { realtime, connect, log } = await startMemoryNode(t, { broker, settings: PATIENT })
  const alice = await connect('alice', { rooms: ['lobby'] })
  broker.cut()
  await realtime.publish({ room: 'lobby' }, 'missed')
  const failed = (): number => log.of('debug').filter(message => message === 'the rooms could not be compared yet').length
  for (let tries = 0; tries < 3; tries++) broker.failNext('check')
  broker.heal()
  await until('failed comparisons', 3, failed)
  t.match(await alice.next('what was missed'), { type: 'message', room: 'lobby', data: 'missed', offset: 1 })
  t.same(log.of('warn'), [])
})

t.test('rooms that cannot be reached, as where one Redis of several is away, keep no other from being compared', async t => {
  const away = new Set<string>()
  class PartlyAway extends ScriptedBroker {
    override position (room: string): Promise<Position> {
      return away.has(room) ? Promise.reject(new RoomcastError('unavailable')) : super.position(room)
    }
  }
  const broker = new PartlyAway()
  const { realtime, connect } = await startMemoryNode(t, { broker, settings: PATIENT })
  const alice = await connect('alice', { rooms: ['attic', 'lobby'] })
  broker.cut()
  for (const room of ['attic', 'lobby']) await realtime.publish({ room }, 'missed')
  away.add('attic')
  broker.heal()
  t.match(await alice.next('what was missed'), { type: 'message', room: 'lobby', data: 'missed', offset: 1 })
  t.same(await alice.rest(), [])
  away.clear()
  t.match(await alice.next('what was missed where Redis was away'), { type: 'message', room: 'attic', data: 'missed', offset: 1 })
})

t.test('presence records are written again every six hours, so that they outlive their retention', async t => {
  const time = fakeTime(t)
  const store = new ScriptedStore({ leaseMs: 100 * HOUR_MS })
  const { connect } = await startMemoryNode(t, { store, settings: PATIENT })
  const { connection } = await connect('alice')
  const written = () => store.calls.filter(call => call.startsWith(`register ${connection.entryKey} `)).length
  time.advance(6 * HOUR_MS - 1_000)
  t.equal(written(), 1)
  time.advance(1_000)
  t.ok(await until('second writing', 2, written))
})

for (const how of ['the rolling pass', 'a lost lease'] as const) {
  t.test(`of a subscription that fails after ${how} came by, no member is left behind`, async t => {
    const time = fakeTime(t)
    const store = new ScriptedStore()
    const broker = new ScriptedBroker()
    const { node, connect } = await startMemoryNode(t, { store, broker })
    const alice = await connect('alice')
    const goOn = broker.hold('subscribe')
    broker.failNext('subscribe')
    alice.send({ type: 'subscribe', id: 1, room: 'lobby' })
    await until('call to the broker', true, () => broker.calls.includes('subscribe lobby'))
    if (how === 'a lost lease') await store.releaseLease({ nodeId: node.nodeId, nodeName: '' }, 0)
    time.advance(how === 'a lost lease' ? 3_000 : 1_000)
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => { setImmediate(resolve) })
    goOn()
    t.match(await alice.next('refusal'), { type: 'error', id: 1, code: 'unavailable' })
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => { setImmediate(resolve) })
    t.same((await store.members('lobby')).members, [])
    t.same((await store.rooms('', '', 10)).rooms, [])
    alice.connection.end({ code: 1000, reason: '' })
    await until('end of the connection', 0, async () => (await store.entriesOf(node.nodeId)).length)
  })
}
