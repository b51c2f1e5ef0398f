import t from 'tap'
import { MemoryBroker } from '../../src/memory/memory-broker.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const HOUR_MS = 60 * 60 * 1_000

t.test('a room that nobody used for a day is forgotten, and begins again under a new epoch', async t => {
  const clock = new FakeClock()
  const broker = new MemoryBroker({ now: clock.now })
  const { epoch } = await broker.publish({ room: 'lobby', data: '1' })
  clock.advance(24 * HOUR_MS - 1)
  await broker.publish({ room: 'attic', data: '1' })
  t.match(await broker.position('lobby'), { epoch, offset: 1 }, 'not before')
  clock.advance(24 * HOUR_MS)
  await broker.publish({ room: 'attic', data: '1' })
  const position = await broker.position('lobby')
  t.equal(position.offset, 0)
  t.not(position.epoch, epoch)
})

t.test('a room that is in use is kept, whoever uses it', async t => {
  const clock = new FakeClock()
  const broker = new MemoryBroker({ now: clock.now })
  const before = await Promise.all(['asked', 'published', 'subscribed'].map(room => broker.publish({ room, data: '1' })))
  await broker.subscribe('subscribed')
  for (let hour = 0; hour < 72; hour += 12) {
    clock.advance(12 * HOUR_MS)
    await broker.position('asked')
    await broker.publish({ room: 'published', data: '1' })
  }
  for (const { room, epoch } of before) t.equal((await broker.position(room)).epoch, epoch, room)
})
