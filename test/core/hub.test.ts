import t from 'tap'
import type { Connection } from '../../src/core/connection.ts'
import { Hub } from '../../src/core/hub.ts'
import { Meters } from '../../src/core/meters.ts'
import { DEFAULT_HISTORY } from '../../src/core/room-policies.ts'
import { Listener } from './fixtures/listener.ts'

function createHub (): Hub {
  return new Hub({ onPending: () => {}, onHole: () => {}, historyOf: () => DEFAULT_HISTORY, slowOf: () => 'disconnect', now: () => Date.now(), meters: new Meters() })
}

t.test('the first into a room and the last out of it are told so', async t => {
  const hub = createHub()
  const [alice, bob] = [new Listener('alice').connection, new Listener('bob').connection]
  t.equal(hub.add('lobby', alice).first, true)
  t.equal(hub.add('lobby', bob).first, false)
  t.equal(hub.add('attic', bob).first, true)
  t.equal(hub.remove('lobby', alice).last, false)
  t.equal(hub.remove('lobby', bob).last, true)
  t.equal(hub.add('lobby', alice).first, true, 'and again')
})

t.test('nothing is kept of a room that nobody is in', async t => {
  const hub = createHub()
  const alice = new Listener('alice').connection
  hub.add('lobby', alice)
  t.equal(hub.roomCount, 1)
  t.equal(hub.room('lobby')?.size, 1)
  hub.remove('lobby', alice)
  t.equal(hub.roomCount, 0)
  t.equal(hub.room('lobby'), undefined)
})

t.test('rooms are counted with and without the reserved ones', async t => {
  const hub = createHub()
  const [alice, bob] = [new Listener('alice').connection, new Listener('bob').connection]
  for (const room of ['lobby', '$all', '$user:alice']) hub.add(room, alice)
  hub.add('lobby', bob)
  t.same([hub.roomCount, hub.publicRoomCount], [3, 1])
  for (const room of ['lobby', '$all', 'attic']) hub.remove(room, alice)
  t.same([hub.roomCount, hub.publicRoomCount], [2, 1])
  hub.remove('lobby', bob)
  t.same([hub.roomCount, hub.publicRoomCount], [1, 0])
})

t.test('removing from a room that is not there changes nothing, and nobody was last', async t => {
  const hub = createHub()
  t.equal(hub.remove('lobby', new Listener('alice').connection).last, false)
  t.equal(hub.roomCount, 0)
})

t.test('removing somebody who is not in the room does not end it for those who are', async t => {
  const hub = createHub()
  hub.add('lobby', new Listener('alice').connection)
  t.equal(hub.remove('lobby', new Listener('bob').connection).last, false)
  t.equal(hub.room('lobby')?.size, 1)
})

t.test('connections are found by their id while they are enlisted', async t => {
  const hub = createHub()
  const alice = new Listener('alice').connection
  hub.enlist(alice)
  t.equal(hub.connectionCount, 1)
  t.equal(hub.connection('alice'), alice)
  t.same([...hub.connections()], [alice])
  hub.delist(alice)
  t.equal(hub.connectionCount, 0)
  t.equal(hub.connection('alice'), undefined)
})

t.test('rooms and connections may have any name', async t => {
  const hub = createHub()
  const alice = new Listener('__proto__').connection
  hub.enlist(alice)
  for (const room of ['__proto__', 'constructor', 'toString']) {
    t.equal(hub.room(room), undefined)
    t.equal(hub.add(room, alice).first, true)
  }
  t.same([...hub.rooms()].map(({ name }) => name), ['__proto__', 'constructor', 'toString'])
})

t.test('the connections of a user are those that are enlisted, and nothing is kept of a user who has none', async t => {
  const hub = createHub()
  const [first, second] = ['1', '2'].map(connectionId => ({ connectionId, userId: 'alice' }) as Connection) as [Connection, Connection]
  for (const connection of [first, second]) hub.enlist(connection)
  t.same([...hub.connectionsOf('alice')], [first, second])
  hub.delist(first)
  t.same([...hub.connectionsOf('alice')], [second])
  hub.delist(second)
  t.same([...hub.connectionsOf('alice'), ...hub.connectionsOf('bob')], [])
})
