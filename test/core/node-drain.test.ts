import t from 'tap'
import { reportOf } from '../conformance/presence-store.ts'
import { until } from '../helpers/until.ts'
import { connectionsOf, startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'

t.test('a node that drains tells its connections with 1001, and nothing of them is left', async t => {
  const broker = new ScriptedBroker()
  const { node, store, connect } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  await node.drain()
  t.same(await alice.closed(), { frames: [], code: 1001, reason: 'going away' })
  t.same([node.connectionCount, node.roomCount, broker.subscribed.size], [0, 0, 0])
  t.same(await connectionsOf(store, 'alice'), [])
})

t.test('a node that drains says so when it is asked', async t => {
  const { node } = await startMemoryNode(t)
  await node.check()
  await node.drain()
  t.equal(node.isDraining, true)
  await t.rejects(node.check(), { code: 'draining' })
})

t.test('a node whose broker fails is not well', async t => {
  const broker = new ScriptedBroker()
  const { node } = await startMemoryNode(t, { broker })
  broker.failNext('check')
  await t.rejects(node.check(), { code: 'unavailable' })
})

t.test('frames that were taken are answered and delivered before the connection is closed', async t => {
  const broker = new ScriptedBroker()
  const { node, connect } = await startMemoryNode(t, { broker })
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  await bob.ask({ type: 'subscribe', room: 'lobby' })
  const goOn = broker.hold('publish')
  alice.send({ type: 'publish', id: 1, room: 'lobby', data: 'last words' }, { type: 'ping', id: 2 })
  const drained = node.drain()
  t.match(alice.transport.calls, ['pause'], 'nothing more is read meanwhile')
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => { setImmediate(resolve) })
  t.ok(alice.connection.isOpen, 'a drain that did not wait would be through by now')
  goOn()
  await drained
  t.match(await alice.closed(), { frames: [{ type: 'published', id: 1 }, { type: 'pong', id: 2 }], code: 1001 })
  t.match(await bob.closed(), { frames: [{ type: 'message', data: 'last words' }], code: 1001 })
})

t.test('a frame that never ends does not hold the shutdown', async t => {
  const broker = new ScriptedBroker()
  const { node, connect } = await startMemoryNode(t, { broker, settings: { drainMs: 50 } })
  const alice = await connect('alice')
  t.after(broker.hold('publish'))
  alice.send({ type: 'publish', id: 1, room: 'lobby', data: 1 })
  await node.drain()
  t.match(await alice.closed(), { frames: [], code: 1001 })
})

t.test('draining goes on when the broker has failed', async t => {
  const broker = new ScriptedBroker()
  const { node, connect } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  broker.failNext('check')
  await node.drain()
  t.match(await alice.closed(), { code: 1001 })
})

t.test('a node that has stopped holds no lease', async t => {
  const { node, store, log } = await startMemoryNode(t)
  const { nodeId } = node
  await node.drain()
  await node.stop()
  t.same(await store.renewLease({ nodeId, nodeName: 'n' }, reportOf()), { status: 'lost' })
  t.same(log.of('warn'), [])
})

t.test('a connection that arrived before the drain and was not welcomed yet ends with the others', async t => {
  const broker = new ScriptedBroker()
  const memoryNode = await startMemoryNode(t, { broker, settings: { drainMs: 50 } })
  const goOn = broker.hold('subscribe')
  const alice = memoryNode.arrive('alice')
  await until('call to the broker', true, () => broker.calls.length > 0)
  await memoryNode.node.drain()
  t.match(await alice.closed(), { frames: [], code: 1001 })
  goOn()
  t.ok(await until('end of its rooms', [0, 0], () => [memoryNode.node.roomCount, broker.subscribed.size]))
  t.same(await connectionsOf(memoryNode.store, 'alice'), [])
})
