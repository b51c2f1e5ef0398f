import t from 'tap'
import { excess } from '../../src/core/backlog.ts'
import { fakeTime } from '../helpers/fake-clock.ts'
import { startMemoryNode, type Peer } from './fixtures/memory-node.ts'

const MAX = 1_048_576
const settings = { maxTotalBufferedBytes: MAX }
const waiting = [['a', 10], ['b', 40], ['c', 30], ['d', 20]].map(([who, bytes]) => ({ who: String(who), bytes: Number(bytes) }))

t.test('those with most waiting go, and no more than it takes', async t => {
  t.same(excess(waiting, 100), [])
  t.same(excess(waiting, 99), ['b'])
  t.same(excess(waiting, 60), ['b'])
  t.same(excess(waiting, 59), ['b', 'c'])
  t.same(excess(waiting, 0), ['b', 'c', 'd', 'a'])
  t.same(excess([], 0), [])
})

/** Many who stopped reading, each with less waiting than its own mark. */
function stopReading (peers: readonly Peer[]): void {
  peers.forEach(({ transport }, index) => { transport.bufferedBytes = MAX / 4 + index })
}

t.test('P38: when too much waits in all sockets, those with most are closed as slow consumers within the second', async t => {
  const time = fakeTime(t)
  const { node, connect } = await startMemoryNode(t, { settings })
  const peers = await Promise.all(['alice', 'bob', 'carol', 'dora', 'eve', 'reader'].map(sub => connect(sub)))
  const slow = peers.slice(0, 5)
  stopReading(slow)
  time.advance(1_000)
  t.same(peers.map(({ connection }) => connection.isOpen), [true, true, true, false, false, true])
  t.match(await (slow[4] as Peer).closed(), { code: 4413, reason: 'slow consumer' })
  t.equal(node.connectionCount, 4)
})

t.test('P38: when much is added at once it does not take a second', async t => {
  fakeTime(t)
  const { connect, realtime } = await startMemoryNode(t, { settings })
  const peers = await Promise.all(['alice', 'bob', 'carol', 'dora', 'eve', 'reader'].map(sub => connect(sub)))
  stopReading(peers.slice(0, 5))
  for (let count = 0; count < 3; count++) await realtime.publish({ everyone: true }, 'x'.repeat(10_000))
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => { setImmediate(resolve) })
  t.same(peers.map(({ connection }) => connection.isOpen), [true, true, true, false, false, true])
})

t.test('nobody is closed while what waits is within the limit', async t => {
  const time = fakeTime(t)
  const { node, connect } = await startMemoryNode(t, { settings })
  const peers = await Promise.all(['alice', 'bob', 'carol'].map(sub => connect(sub)))
  stopReading(peers)
  time.advance(5_000)
  t.equal(node.connectionCount, 3)
})
