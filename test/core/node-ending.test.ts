import t from 'tap'
import { fakeTime } from '../helpers/fake-clock.ts'
import { until } from '../helpers/until.ts'
import { connectionsOf, SETTINGS, startMemoryNode, type MemoryNode, type Peer } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

const GONE = { code: 1006, reason: '' }

/** What is left on the node of the connections that have ended, while `others` stay. */
function remains ({ node, store }: MemoryNode, broker: ScriptedBroker, userId: string) {
  return async () => ({
    connections: node.connectionCount, rooms: node.roomCount, subscribed: broker.subscribed.size, online: await connectionsOf(store, userId)
  })
}

const NOTHING = { connections: 0, rooms: 0, subscribed: 0, online: [] }

/** The peer goes away, as a transport would tell it. */
function hangUp (peer: Peer): void {
  peer.transport.isOpen = false
  peer.connection.end(GONE)
}

t.test('of a connection that ended nothing is left, here, at the broker and in the store', async t => {
  const broker = new ScriptedBroker()
  const memoryNode = await startMemoryNode(t, { broker })
  const alice = await memoryNode.connect('alice', { rooms: ['lobby'] })
  await alice.ask({ type: 'subscribe', room: 'attic' })
  t.equal(memoryNode.node.roomCount, 4)
  hangUp(alice)
  t.ok(await until('end of everything', NOTHING, remains(memoryNode, broker, 'alice')))
})

for (const wait of ['subscribe', 'position'] as const) {
  t.test(`a connection that ends while its subscribe waits (${wait}) leaves nothing`, async t => {
    const broker = new ScriptedBroker()
    const memoryNode = await startMemoryNode(t, { broker })
    const alice = await memoryNode.connect('alice')
    const goOn = broker.hold(wait)
    alice.send({ type: 'subscribe', room: 'lobby' })
    await until('call to the broker', true, () => broker.calls.includes(`${wait} lobby`))
    hangUp(alice)
    goOn()
    t.ok(await until('end of everything', NOTHING, remains(memoryNode, broker, 'alice')))
  })
}

t.test('a connection that ends while its subscribe waits does not take the room from another that waits for it', async t => {
  const broker = new ScriptedBroker()
  const { realtime, connect } = await startMemoryNode(t, { broker })
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  const goOn = broker.hold('subscribe')
  for (const peer of [alice, bob]) peer.send({ type: 'subscribe', id: 1, room: 'lobby' })
  await until('call to the broker', true, () => broker.calls.includes('subscribe lobby'))
  hangUp(alice)
  goOn()
  t.match(await bob.next('subscribed'), { type: 'subscribed', room: 'lobby' })
  await realtime.publish({ room: 'lobby' }, 1)
  t.equal((await bob.rest()).length, 1)
})

for (const wait of ['register', 'subscribe', 'position'] as const) {
  t.test(`a connection that ends before its welcome (${wait}) leaves nothing, and the host never hears of it`, async t => {
    const broker = new ScriptedBroker()
    const store = new ScriptedStore()
    const memoryNode = await startMemoryNode(t, { broker, store })
    const heard: unknown[] = []
    memoryNode.realtime.on('connect', event => { heard.push(event) }).on('disconnect', event => { heard.push(event) })
    const goOn = wait === 'register' ? store.hold(wait) : broker.hold(wait)
    const alice = memoryNode.arrive('alice')
    alice.send({ type: 'subscribe', room: 'lobby' })
    await until('wait', true, () => [...store.calls, ...broker.calls].some(call => call.startsWith(wait)))
    hangUp(alice)
    goOn()
    t.ok(await until('end of everything', NOTHING, remains(memoryNode, broker, 'alice')))
    t.same(heard, [])
    t.same(memoryNode.log.of('error'), [])
  })
}

t.test('frames that wait when a connection ends are not performed', async t => {
  const broker = new ScriptedBroker()
  const { connect } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  const goOn = broker.hold('subscribe')
  alice.send({ type: 'subscribe', room: 'lobby' }, { type: 'publish', room: 'lobby', data: 1 })
  await until('call to the broker', true, () => broker.calls.includes('subscribe lobby'))
  hangUp(alice)
  alice.send({ type: 'publish', room: 'lobby', data: 2 })
  goOn()
  await alice.connection.idle()
  t.equal(broker.calls.includes('publish lobby'), false)
})

t.test('P38: a consumer that does not read is closed with 4413, and the others get everything', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const [slow, fast] = [await connect('slow'), await connect('fast')]
  for (const peer of [slow, fast]) await peer.ask({ type: 'subscribe', room: 'lobby' })
  slow.transport.bufferedBytes = SETTINGS.maxBufferedBytes
  await realtime.publish({ room: 'lobby' }, 'still fits')
  t.equal((await slow.rest()).length, 1)
  slow.transport.bufferedBytes++
  await realtime.publish({ room: 'lobby' }, 'too much')
  t.match(await slow.closed(), { code: 4413, reason: 'slow consumer' })
  await realtime.publish({ room: 'lobby' }, 'after')
  t.match(await fast.rest(), [{ data: 'still fits' }, { data: 'too much' }, { data: 'after' }])
})

t.test('a token that expires closes its connection with 4401, thirty seconds after it was told', async t => {
  const time = fakeTime(t)
  const { connect } = await startMemoryNode(t)
  const exp = Date.now() / 1_000 + 60
  const [alice, bob] = [await connect('alice', { exp }), await connect('bob')]
  time.advance(29_000)
  for (const peer of [alice, bob]) peer.send({ type: 'ping' })
  t.match(await alice.next('pong'), { type: 'pong' })
  time.advance(1_000)
  t.match(await alice.next('notice'), { type: 'token_expiring', expiresAt: exp * 1_000 })
  time.advance(29_000)
  t.ok(alice.connection.isOpen)
  time.advance(1_000)
  t.same(await alice.closed(), { frames: [], code: 4401, reason: 'token expired or revoked' })
  t.ok(bob.connection.isOpen, 'a token without an end does not end')
})

t.test('P09: a connection without a sign of life is asked for one, and cut with 4408', async t => {
  const time = fakeTime(t)
  const { connect } = await startMemoryNode(t)
  const [mute, alive] = [await connect('mute'), await connect('alive')]
  time.advance(SETTINGS.pingIntervalMs)
  t.same(mute.transport.calls, ['ping'])
  alive.connection.receiveSign()
  time.advance(SETTINGS.pongTimeoutMs)
  t.match(await mute.closed(), { code: 4408 })
  t.same(mute.transport.calls, ['ping', 'terminate'])
  t.ok(alive.connection.isOpen)
})

for (const { what, text, format } of [
  { what: 'that is no JSON', text: '{', format: 'text' }, { what: 'of an unknown type', text: '{"type":"nope","id":7}', format: 'text' },
  { what: 'with an unknown key', text: '{"type":"ping","id":7,"x":1}', format: 'text' }, { what: 'that is binary', text: '{"type":"ping"}', format: 'binary' }
] as const) {
  t.test(`a frame ${what} is answered with an error, and closes with 4400`, async t => {
    const { connect } = await startMemoryNode(t)
    const [alice, bob] = [await connect('alice'), await connect('bob')]
    alice.sendText(text, format)
    alice.send({ type: 'ping' })
    const { frames, code, reason } = await alice.closed()
    t.match(frames, [{ type: 'error', code: 'frame_invalid', ...text.includes('"id"') && { id: 7 } }])
    t.equal(frames.length, 1, 'and nothing after it')
    t.same({ code, reason }, { code: 4400, reason: 'bad frames' })
    t.match(await bob.ask({ type: 'ping' }), { type: 'pong' })
  })
}

t.test('a bug in a verb closes that connection with 4500, is logged with its ids, and touches nobody else', async t => {
  const broker = new ScriptedBroker()
  const memoryNode = await startMemoryNode(t, { broker })
  const [alice, bob] = [await memoryNode.connect('alice'), await memoryNode.connect('bob')]
  broker.failNext('publish', new TypeError('a bug'))
  alice.send({ type: 'publish', id: 1, room: 'lobby', data: 1 }, { type: 'ping' })
  t.same(await alice.closed(), { frames: [], code: 4500, reason: 'internal' })
  const { connectionId } = alice.connection
  t.match(memoryNode.log.lines.find(({ level }) => level === 'error'), { fields: { connectionId, userId: 'alice', err: { message: 'a bug' } } })
  t.match(await bob.ask({ type: 'publish', room: 'lobby', data: 1 }), { type: 'published' })
  await until('presence', [], () => connectionsOf(memoryNode.store, 'alice'))
})

t.test('a transport that throws closes its connection, and the others get everything', async t => {
  const { realtime, connect } = await startMemoryNode(t)
  const [broken, bob] = [await connect('broken'), await connect('bob')]
  broken.transport.write = () => { throw new Error('a bug') }
  await realtime.publish({ everyone: true }, 1)
  t.equal((await bob.rest()).length, 1)
  t.match(await broken.closed(), { code: 4500 })
})
