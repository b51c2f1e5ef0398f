import t from 'tap'
import { until } from '../helpers/until.ts'
import { byRoom, connectionsOf, SETTINGS, startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

t.test('welcome is the first frame, says what was agreed, and carries the personal rooms', async t => {
  const { node, arrive } = await startMemoryNode(t)
  const alice = arrive('alice')
  const welcome = await alice.next('welcome')
  t.match(welcome, {
    type: 'welcome',
    protocol: 'roomcast.v1',
    connectionId: alice.connection.connectionId,
    userId: 'alice',
    nodeName: SETTINGS.nodeName,
    expiresAt: null,
    pingIntervalMs: SETTINGS.pingIntervalMs,
    maxFrameBytes: SETTINGS.maxFrameBytes
  })
  t.match(welcome['rooms'], [{ room: '$user:alice', epoch: /./, offset: 0 }, { room: '$all', epoch: /./, offset: 0 }])
  t.same(Object.keys(welcome), [
    'type', 'protocol', 'connectionId', 'userId', 'nodeName', 'expiresAt', 'pingIntervalMs', 'maxFrameBytes', 'rooms'
  ])
  t.equal(node.connectionCount, 1)
})

t.test('welcome tells when the token ends', async t => {
  const { arrive } = await startMemoryNode(t)
  const exp = Math.floor(Date.now() / 1_000) + 3_600
  t.match(await arrive('alice', { exp }).next('welcome'), { expiresAt: exp * 1_000 })
})

t.test('the rooms of the token are subscribed, each once, and begin where they stand', async t => {
  const { realtime, arrive } = await startMemoryNode(t)
  await realtime.publish({ room: 'lobby' }, 1)
  await realtime.publish({ room: 'lobby' }, 2)
  const alice = arrive('alice', { rooms: ['lobby', 'attic', 'lobby'] })
  const welcome = await alice.next('welcome')
  t.match(welcome['rooms'], [{ room: '$user:alice' }, { room: '$all' }, { room: 'lobby', offset: 2 }, { room: 'attic', offset: 0 }])
  t.equal((welcome['rooms'] as unknown[]).length, 4)
  await realtime.publish({ rooms: ['lobby', 'attic'] }, 3)
  t.match(byRoom(await alice.rest()), [{ room: 'attic', offset: 1, data: 3 }, { room: 'lobby', offset: 3, data: 3 }])
})

t.test('what is published to a user or to everyone reaches a connection without a subscribe', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const alice = await connect('alice', { can: {} })
  const bob = await connect('bob', { can: {} })
  await realtime.publish({ user: 'alice' }, 'for alice')
  await realtime.publish({ everyone: true }, 'for all')
  t.match(byRoom(await alice.rest()), [{ type: 'message', room: '$all', data: 'for all' }, { type: 'message', room: '$user:alice', data: 'for alice' }])
  t.match(await bob.rest(), [{ type: 'message', room: '$all', data: 'for all' }])
})

t.test('frames sent before the welcome are answered after it, in order', async t => {
  const { arrive } = await startMemoryNode(t)
  const alice = arrive('alice')
  alice.send(
    { type: 'ping', id: 1 }, { type: 'subscribe', id: 2, room: 'lobby' }, { type: 'publish', id: 3, room: 'lobby', data: 'x' },
    { type: 'unsubscribe', id: 4, room: 'lobby' }, { type: 'ping', id: 5 }
  )
  const replies = (await alice.rest()).filter(({ type }) => type !== 'message')
  t.same(replies.map(({ type, id }) => [type, id]), [
    ['welcome', undefined], ['pong', 1], ['subscribed', 2], ['published', 3], ['unsubscribed', 4], ['pong', 5]
  ])
})

t.test('what is published while the connection opens comes after its welcome, or is covered by it', async t => {
  const broker = new ScriptedBroker()
  const { realtime, arrive } = await startMemoryNode(t, { broker })
  const goOn = broker.hold('position')
  const alice = arrive('alice', { rooms: ['lobby'] })
  await until('subscription', true, () => broker.subscribed.has('lobby'))
  await realtime.publish({ room: 'lobby' }, 1)
  goOn()
  const welcome = await alice.next('welcome')
  t.match((welcome['rooms'] as unknown[])[2], { room: 'lobby', offset: 1 })
  await realtime.publish({ room: 'lobby' }, 2)
  t.match(await alice.rest(), [{ type: 'message', offset: 2 }])
})

t.test('a user is online from the welcome on', async t => {
  const { store, node, connect } = await startMemoryNode(t)
  const alice = await connect('alice', { info: { name: 'Alice' } })
  const { connectionId, connectedAt } = alice.connection
  t.strictSame(await connectionsOf(store, 'alice'), [{
    connectionId, userId: 'alice', nodeId: node.nodeId, nodeName: SETTINGS.nodeName, connectedAt, transport: 'fake', info: { name: 'Alice' }
  }])
})

t.test('connections have ids of their own, also those of one user', async t => {
  const { node, store, connect } = await startMemoryNode(t)
  const ids = [await connect('alice'), await connect('alice'), await connect('bob')].map(({ connection }) => connection.connectionId)
  t.equal(new Set(ids).size, 3)
  t.equal(node.connectionCount, 3)
  t.equal((await connectionsOf(store, 'alice')).length, 2)
})

t.test('the host hears of a connection once it is welcomed, and of its end', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const heard: unknown[] = []
  realtime.on('connect', event => { heard.push(['connect', event]) }).on('disconnect', event => { heard.push(['disconnect', event]) })
  const { connection } = await connect('alice')
  const { connectionId } = connection
  t.same(heard, [['connect', { connectionId, userId: 'alice' }]])
  connection.end({ code: 1000, reason: 'bye' })
  t.same(heard[1], ['disconnect', { connectionId, userId: 'alice', code: 1000, reason: 'bye' }])
})

for (const obstacle of ['subscribe', 'position'] as const) {
  t.test(`a connection whose own rooms could not be entered (${obstacle}) is closed and leaves nothing behind`, async t => {
    const broker = new ScriptedBroker()
    const { node, store, arrive } = await startMemoryNode(t, { broker })
    broker.failNext(obstacle)
    const { frames, code } = await arrive('alice', { rooms: ['lobby'] }).closed()
    t.same(frames, [])
    t.equal(code, 4500)
    await until('rooms', [0, 0], () => [broker.subscribed.size, node.roomCount])
    t.equal(node.connectionCount, 0)
    t.same(await until('presence', [], () => connectionsOf(store, 'alice')), [])
  })
}

t.test('a connection that the store did not take is closed and leaves nothing behind', async t => {
  const store = new ScriptedStore()
  const { node, realtime, log, arrive } = await startMemoryNode(t, { store })
  const heard: unknown[] = []
  realtime.on('connect', event => { heard.push(event) }).on('disconnect', event => { heard.push(event) })
  store.failNext('register')
  t.match(await arrive('alice').closed(), { frames: [], code: 4500 })
  t.equal(node.connectionCount, 0)
  t.equal(node.roomCount, 0)
  t.same(heard, [], 'nor does the host hear of it')
  t.same(log.of('error'), [], 'it is no error of this node: what the store says is logged where it is noticed')
  store.failNext('register', new TypeError('a bug'))
  await arrive('alice').closed()
  t.same(log.of('error'), ['a connection failed and was closed'])
})

t.test('the host hears of the beginning before the end, also where the welcome was already too much', async t => {
  const { realtime, arrive } = await startMemoryNode(t, { settings: { maxBufferedBytes: 0 } })
  const heard: string[] = []
  realtime.on('connect', () => { heard.push('connect') }).on('disconnect', () => { heard.push('disconnect') })
  const alice = arrive('alice')
  alice.transport.bufferedBytes = 1
  t.match(await alice.closed(), { code: 4413 })
  await new Promise(resolve => { setImmediate(resolve) })
  t.same(heard, ['connect', 'disconnect'])
})
