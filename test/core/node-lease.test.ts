import t from 'tap'
import { MemoryPresence } from '../../src/memory/memory-presence.ts'
import { fakeTime } from '../helpers/fake-clock.ts'
import { until } from '../helpers/until.ts'
import { connectionsOf, SETTINGS, startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

t.test('connections stay online for as long as the heartbeat goes', async t => {
  const time = fakeTime(t)
  const store = new MemoryPresence({ leaseMs: 10_000, announce: () => {} })
  const { connect } = await startMemoryNode(t, { store })
  await connect('alice')
  for (let beat = 0; beat < 10; beat++) {
    time.advance(SETTINGS.heartbeatMs)
    // The renewal ends within this turn of the event loop.
    await new Promise(resolve => { setImmediate(resolve) })
  }
  t.equal((await connectionsOf(store, 'alice')).length, 1)
})

t.test('a node that lost its lease goes on under a new id, with all its open connections and no others', async t => {
  const time = fakeTime(t)
  const store = new ScriptedStore()
  const { node, connect } = await startMemoryNode(t, { store })
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  const { nodeId } = node
  await store.releaseLease({ nodeId, nodeName: '' }, 0)
  bob.connection.end({ code: 1000, reason: '' })
  t.same(await connectionsOf(store, 'alice'), [])
  time.advance(SETTINGS.heartbeatMs)
  await until('record under a new id', 1, async () => (await connectionsOf(store, 'alice')).length)
  t.not(node.nodeId, nodeId)
  t.match(await connectionsOf(store, 'alice'), [{ nodeId: node.nodeId, connectionId: alice.connection.connectionId }])
  t.same(await connectionsOf(store, 'bob'), [])
  alice.connection.end({ code: 1000, reason: '' })
  t.ok(await until('presence', [], () => connectionsOf(store, 'alice')))
})

t.test('a removal that the store could not take is made with the next heartbeat', async t => {
  const time = fakeTime(t)
  const store = new ScriptedStore()
  const { connect } = await startMemoryNode(t, { store })
  const alice = await connect('alice')
  store.failNext('remove')
  alice.connection.end({ code: 1000, reason: '' })
  await until('removal that failed', true, () => store.calls.some(call => call.startsWith('remove')))
  t.equal((await connectionsOf(store, 'alice')).length, 1)
  time.advance(SETTINGS.heartbeatMs)
  t.ok(await until('presence', [], () => connectionsOf(store, 'alice')))
})
