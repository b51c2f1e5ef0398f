import t from 'tap'
import { RoomPolicies } from '../../src/core/room-policies.ts'

t.test('presence is on where no pattern says otherwise', async t => {
  t.equal(new RoomPolicies([]).hasPresence('lobby'), true)
  t.equal(new RoomPolicies([{ pattern: 'attic', presence: false }]).hasPresence('lobby'), true)
})

t.test('the first pattern that matches decides, also by what it leaves out', async t => {
  const policies = new RoomPolicies([
    { pattern: 'feed/open', presence: true }, { pattern: 'feed/plain' }, { pattern: 'feed/*', presence: false }, { pattern: '*', presence: true }
  ])
  const rooms = ['feed/open', 'feed/plain', 'feed/1', 'lobby']
  t.same(rooms.filter(room => policies.hasPresence(room)), ['feed/open', 'feed/plain', 'lobby'])
  t.equal(new RoomPolicies([{ pattern: '*', presence: false }, { pattern: 'lobby', presence: true }]).hasPresence('lobby'), false)
})

t.test('the rooms of the server have none, whatever the patterns say', async t => {
  const policies = new RoomPolicies([{ pattern: '*', presence: true }, { pattern: '$all', presence: true }])
  t.same(['$all', '$user:alice'].filter(room => policies.hasPresence(room)), [])
})

t.test('who is slow is disconnected unless a pattern says otherwise, and always in the rooms of the server', async t => {
  const policies = new RoomPolicies([{ pattern: 'prices:*', slow: 'latest' }, { pattern: 'lobby' }, { pattern: '*', slow: 'latest' }])
  t.same(['prices:1', 'lobby', 'attic', '$all', '$user:alice'].map(room => policies.slowOf(room)), ['latest', 'disconnect', 'latest', 'disconnect', 'disconnect'])
})
