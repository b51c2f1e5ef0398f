import t from 'tap'
import { Outbox } from '../../client/outbox.ts'
import { byteLength, MAX_ROOMS, resumeFrame } from '../../client/resume.ts'
import { MAX_RESUMED_ROOMS } from '../../src/core/frames.ts'

const rooms = (count: number): Array<{ room: string, since: { epoch: string, offset: number } }> =>
  Array.from({ length: count }, (_, index) => ({ room: `röom-${index}`, since: { epoch: 'e'.repeat(22), offset: index } }))

t.test('an outbox takes no more than its bound, keeps the order, and gives room again', async t => {
  const outbox = new Outbox<string>(2)
  t.same([outbox.push('one'), outbox.push('two'), outbox.push('three')], [true, true, false])
  t.equal(outbox.peek(), 'one')
  t.ok(outbox.remove('one'))
  t.notOk(outbox.remove('one'))
  t.ok(outbox.push('four'))
  t.equal(outbox.peek(), 'two')
  t.equal(outbox.size, 2)
})

t.test('a resume names every room with its position, and the connection that was lost', async t => {
  t.same(resumeFrame({ id: 1, connectionId: 'lost', rooms: rooms(2), maxBytes: 65_536 }), { type: 'resume', id: 1, connectionId: 'lost', rooms: rooms(2) })
  t.same(resumeFrame({ id: 1, connectionId: undefined, rooms: [], maxBytes: 65_536 }), { type: 'resume', id: 1, rooms: [] })
})

t.test('a resume holds no more rooms and no more bytes than the server takes', async t => {
  t.equal(MAX_ROOMS, MAX_RESUMED_ROOMS)
  t.equal(resumeFrame({ id: 1, connectionId: 'lost', rooms: rooms(1_500), maxBytes: Infinity }).rooms.length, MAX_ROOMS)
  const frame = resumeFrame({ id: 1, connectionId: 'lost', rooms: rooms(1_000), maxBytes: 2_000 })
  t.ok(byteLength(JSON.stringify(frame)) <= 2_000)
  t.ok(frame.rooms.length > 15, 'and not many fewer')
})
