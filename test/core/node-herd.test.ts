import t from 'tap'
import { until } from '../helpers/until.ts'
import { connectionsOf, startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

const CONNECTIONS = 250
const AT_ONCE = 100

function names (count: number): string[] {
  return Array.from({ length: count }, (_, index) => `user-${index}`)
}

/** How many calls of a method were made for connections. */
function callsOf (store: ScriptedStore, method: 'register' | 'remove'): number {
  return store.calls.filter(call => call.startsWith(`${method} c `)).length
}

/** Lets everything that does not wait for the store happen. */
async function turns (): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => { setImmediate(resolve) })
}

t.test('of many who come at once so many open at a time, who has left meanwhile does not, and all others are welcomed', async t => {
  const store = new ScriptedStore()
  const { node, arrive } = await startMemoryNode(t, { store })
  const goOn = store.hold('register')
  const peers = names(CONNECTIONS).map(name => arrive(name))
  await turns()
  t.equal(callsOf(store, 'register'), AT_ONCE)
  const left = peers.splice(-10)
  for (const { connection } of left) connection.end({ code: 1006, reason: '' })
  goOn()
  for (const peer of peers) t.equal((await peer.next('welcome'))['type'], 'welcome')
  await turns()
  t.equal(callsOf(store, 'register'), CONNECTIONS - left.length)
  t.equal(node.connectionCount, CONNECTIONS - left.length)
})

t.test('of many who end at once so many are cleared at a time, and all at once where the node drains', async t => {
  const store = new ScriptedStore()
  const { node, connect } = await startMemoryNode(t, { store })
  const peers = await Promise.all(names(CONNECTIONS).map(name => connect(name)))
  const goOn = store.hold('remove')
  for (const { connection } of peers) connection.end({ code: 1006, reason: '' })
  await turns()
  t.equal(callsOf(store, 'remove'), AT_ONCE)
  t.equal(node.connectionCount, 0, 'to the node they are gone at once')
  const drained = node.drain()
  await until('removals', CONNECTIONS, () => callsOf(store, 'remove'))
  goOn()
  await drained
  t.same(await connectionsOf(store, 'user-249'), [])
})
