import t from 'tap'
import { Lease } from '../../src/core/lease.ts'
import { Meters } from '../../src/core/meters.ts'
import { reportOf } from '../conformance/presence-store.ts'
import { fakeTime } from '../helpers/fake-clock.ts'
import { RecordedLog } from './fixtures/memory-node.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

/** A lease whose heartbeat is a call of the test. */
function createLease (store = new ScriptedStore()) {
  const log = new RecordedLog()
  const events: string[] = []
  const meters = new Meters()
  const lease = new Lease({
    store,
    meters,
    log,
    nodeName: 'n',
    heartbeatMs: 3_000,
    report: reportOf,
    onHeld: claimed => { events.push(['held', ...claimed].join(' ')) },
    onRenamed: () => { events.push(`renamed ${lease.node.nodeId}`) }
  })
  return { lease, store, meters, log, events }
}

t.test('it is taken under a new id and the name of the node', async t => {
  const one = createLease().lease
  const other = createLease().lease
  t.equal(one.node.nodeName, 'n')
  t.not(one.node.nodeId, other.node.nodeId)
})

t.test('a lease that the store does not grant is told to whoever takes it', async t => {
  const { lease, store } = createLease()
  store.failNext('takeLease')
  await t.rejects(lease.take(), { code: 'unavailable' })
})

t.test('the heartbeat renews it, each time at its time', async t => {
  const time = fakeTime(t)
  const { lease, store } = createLease()
  await lease.take()
  t.after(() => lease.release(0))
  time.advance(2_999)
  await lease.beat()
  t.equal(store.calls.filter(call => call.startsWith('renewLease')).length, 1, 'only the one that the test asked for')
  time.advance(1)
  await lease.beat()
  t.equal(store.calls.filter(call => call.startsWith('renewLease')).length, 3)
})

t.test('a lease that is held is told so', async t => {
  const { lease, events } = createLease()
  await lease.take()
  t.after(() => lease.release(0))
  const { nodeId } = lease.node
  await lease.beat()
  t.same(events, ['held'])
  t.equal(lease.node.nodeId, nodeId)
})

t.test('a lease that was lost is taken again under a new id, and told so after it', async t => {
  const { lease, store, log, events } = createLease()
  await lease.take()
  t.after(() => lease.release(0))
  const lost = lease.node.nodeId
  await store.releaseLease({ nodeId: lost, nodeName: 'n' }, 0)
  await lease.beat()
  const { nodeId, nodeName } = lease.node
  t.not(nodeId, lost)
  t.equal(nodeName, 'n')
  t.same(events, [`renamed ${nodeId}`])
  t.match(await store.renewLease({ nodeId, nodeName }, reportOf()), { status: 'held' })
  t.same(log.of('warn').length, 1)
})

t.test('a heartbeat that failed is logged, tells nothing, and the next one tries again', async t => {
  const time = fakeTime(t)
  const { lease, store, log, events } = createLease()
  await lease.take()
  t.after(() => lease.release(0))
  const { nodeId } = lease.node
  store.failNext('renewLease')
  await lease.beat()
  t.same([log.of('warn').length, log.of('debug').length], [0, 1], 'one that was asked for may come many times a second')
  store.failNext('renewLease')
  time.advance(3_000)
  await new Promise(setImmediate)
  t.same(events, [])
  t.equal(log.of('warn').length, 1)
  await lease.beat()
  t.same(events, ['held'])
  t.equal(lease.node.nodeId, nodeId, 'a lease that nobody answered for is not lost')
})

t.test('where the new lease is not granted either, the node keeps its old id until one is', async t => {
  const { lease, store, events } = createLease()
  await lease.take()
  t.after(() => lease.release(0))
  const lost = lease.node.nodeId
  await store.releaseLease({ nodeId: lost, nodeName: 'n' }, 0)
  store.failNext('takeLease')
  await lease.beat()
  t.equal(lease.node.nodeId, lost)
  t.same(events, [])
  await lease.beat()
  t.not(lease.node.nodeId, lost)
  t.equal(events.length, 1)
})

t.test('a bug in the store is logged as an error and does not stop the heartbeat', async t => {
  const { lease, store, log, events } = createLease()
  await lease.take()
  t.after(() => lease.release(0))
  store.failNext('renewLease', new TypeError('a bug'))
  await lease.beat()
  t.equal(log.of('error').length, 1)
  await lease.beat()
  t.same(events, ['held'])
})

t.test('one renewal is under way at a time', async t => {
  const { lease, store } = createLease()
  await lease.take()
  t.after(() => lease.release(0))
  const renewals = () => store.calls.filter(call => call.startsWith('renewLease')).length
  const goOn = store.hold('renewLease')
  const beats = [lease.beat(), lease.beat()]
  await new Promise(resolve => { setImmediate(resolve) })
  t.equal(renewals(), 1)
  goOn()
  await Promise.all(beats)
  t.equal(renewals(), 2)
})

t.test('a release waits for the renewal that is under way, and gives back what that came to', async t => {
  const { lease, store } = createLease()
  await lease.take()
  await store.releaseLease(lease.node, 0)
  const goOn = store.hold('renewLease')
  const beat = lease.beat()
  const release = lease.release(0)
  goOn()
  await Promise.all([beat, release])
  t.equal(store.calls.at(-1), `releaseLease ${lease.node.nodeId}`)
  t.same(await store.renewLease(lease.node, reportOf()), { status: 'lost' })
})
