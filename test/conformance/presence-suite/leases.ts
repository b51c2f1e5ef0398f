import type { Test } from 'tap'
import { nodeNamed, recordOf, type StartStore } from '../presence-store.ts'

const UNAVAILABLE = { name: 'RoomcastError', code: 'unavailable' }

/** **Truth** and **Refusal**: what holds while a lease lasts, and after it. */
export function leaseTests (t: Test, start: StartStore): void {
  t.test('a record of an owner that never took a lease is refused, and changes nothing', async t => {
    const { store } = await start(t)
    await t.rejects(store.register(recordOf()), UNAVAILABLE)
    t.same(await store.connections('alice'), [])
    await store.takeLease(nodeNamed('n1'))
    t.same(await store.connections('alice'), [], 'nor does it appear when the owner takes one')
  })

  t.test('a refused record leaves the one that it would have overwritten', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf({ nodeId: 'n1' }))
    await t.rejects(store.register(recordOf({ nodeId: 'n2' })), UNAVAILABLE)
    t.match(await store.connections('alice'), [{ nodeId: 'n1' }])
  })

  t.test('taking a lease twice is taking it once', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf())
    await store.takeLease(nodeNamed('n1'))
    t.equal((await store.connections('alice')).length, 1)
    t.equal(await store.renewLease(nodeNamed('n1')), 'held')
  })

  t.test('renewing a lease that was never taken answers lost, and takes none', async t => {
    const { store } = await start(t)
    t.equal(await store.renewLease(nodeNamed('n1')), 'lost')
    await t.rejects(store.register(recordOf()), UNAVAILABLE)
    t.equal(await store.renewLease(nodeNamed('n1')), 'lost')
  })

  t.test('a released lease makes its users offline at once, and is lost from then on', async t => {
    const { store } = await start(t)
    for (const nodeId of ['n1', 'n2']) await store.takeLease(nodeNamed(nodeId))
    await store.register(recordOf({ connectionId: 'c1', nodeId: 'n1' }))
    await store.register(recordOf({ connectionId: 'c2', nodeId: 'n2' }))
    await store.releaseLease('n1')
    t.same((await store.connections('alice')).map(({ nodeId }) => nodeId), ['n2'], 'those of other nodes stay')
    t.equal(await store.renewLease(nodeNamed('n1')), 'lost')
    await t.rejects(store.register(recordOf({ nodeId: 'n1' })), UNAVAILABLE)
    t.equal(await store.renewLease(nodeNamed('n2')), 'held')
  })

  t.test('releasing a lease twice, or one that was never taken, is no error', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.releaseLease('n1')
    await store.releaseLease('n1')
    await store.releaseLease('n2')
  })

  t.test('the end of a lease makes its users offline without anybody cleaning up', async t => {
    const { store, passLease } = await start(t, { leases: 'short' })
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf())
    t.equal((await store.connections('alice')).length, 1)
    await passLease()
    t.same(await store.connections('alice'), [])
    await t.rejects(store.register(recordOf({ connectionId: 'c2' })), UNAVAILABLE, 'and nothing more is written for it')
  })

  t.test('renewing an expired lease that still stands makes its users online again', async t => {
    const { store, passLease } = await start(t, { leases: 'short' })
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf())
    await passLease()
    t.equal(await store.renewLease(nodeNamed('n1')), 'held')
    t.match(await store.connections('alice'), [{ connectionId: 'c1' }])
    await store.register(recordOf({ connectionId: 'c2' }))
    t.equal((await store.connections('alice')).length, 2)
  })

  t.test('the end of one lease leaves the connections of nodes that renewed theirs', async t => {
    const { store, passLease } = await start(t, { leases: 'short' })
    for (const nodeId of ['n1', 'n2']) await store.takeLease(nodeNamed(nodeId))
    await store.register(recordOf({ connectionId: 'c1', nodeId: 'n1' }))
    await store.register(recordOf({ connectionId: 'c2', nodeId: 'n2' }))
    await passLease()
    await store.renewLease(nodeNamed('n2'))
    t.same((await store.connections('alice')).map(({ nodeId }) => nodeId), ['n2'])
  })

  t.test('a record can be taken over from a node whose lease has ended', async t => {
    const { store, passLease } = await start(t, { leases: 'short' })
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf({ nodeId: 'n1' }))
    await passLease()
    await store.takeLease(nodeNamed('n2'))
    await store.register(recordOf({ nodeId: 'n2' }))
    await store.remove(recordOf({ nodeId: 'n1' }))
    t.same((await store.connections('alice')).map(({ nodeId }) => nodeId), ['n2'])
  })
}
