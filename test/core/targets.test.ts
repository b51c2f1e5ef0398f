import t from 'tap'
import { roomsOf, type PublishTarget } from '../../src/core/targets.ts'

t.test('each target stands for its rooms', async t => {
  t.strictSame(roomsOf({ room: 'lobby' }), ['lobby'])
  t.strictSame(roomsOf({ rooms: ['b', 'a'] }), ['b', 'a'])
  t.strictSame(roomsOf({ user: 'alice' }), ['$user:alice'])
  t.strictSame(roomsOf({ users: ['b', 'a'] }), ['$user:b', '$user:a'])
  t.strictSame(roomsOf({ everyone: true }), ['$all'])
})

t.test('a name that is given twice counts once', async t => {
  t.strictSame(roomsOf({ rooms: ['a', 'b', 'a'] }), ['a', 'b'])
  t.strictSame(roomsOf({ users: ['a', 'a'] }), ['$user:a'])
})

t.test('an empty list stands for nothing', async t => {
  t.strictSame(roomsOf({ rooms: [] }), [])
  t.strictSame(roomsOf({ users: [] }), [])
})

t.test('none or several targets are refused', async t => {
  const targets: PublishTarget[] = [{}, { room: undefined }, { room: 'a', rooms: ['a'] }, { room: 'a', user: 'a' }, { users: [], everyone: true }]
  for (const target of targets) t.throws(() => roomsOf(target), { code: 'request_invalid' }, JSON.stringify(target))
})

t.test('one bad name among good ones refuses the whole', async t => {
  t.throws(() => roomsOf({ rooms: ['lobby', ''] }), { code: 'room_invalid' })
  t.throws(() => roomsOf({ rooms: ['lobby', '$all'] }), { code: 'room_forbidden' })
  t.throws(() => roomsOf({ room: '$user:alice' }), { code: 'room_forbidden' })
  t.throws(() => roomsOf({ users: ['alice', ''] }), { code: 'user_invalid' })
  t.throws(() => roomsOf({ user: '' }), { code: 'user_invalid' })
})
