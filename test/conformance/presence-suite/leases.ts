import type { Test } from 'tap'
import { connectionOf, type StartStore } from '../presence-store.ts'

const UNAVAILABLE = { name: 'RoomcastError', code: 'unavailable' }

/** **Truth** and **Refusal**: what holds while a lease lasts, and after it. */
export function leaseTests (t: Test, start: StartStore): void {
  t.test('a record of an owner that never took a lease is refused, and changes nothing', async t => {
    const under = await start(t)
    await t.rejects(under.register('n1', connectionOf()), UNAVAILABLE)
    t.same(await under.connections('alice'), [])
    await under.take('n1')
    t.same(await under.connections('alice'), [], 'nor does it appear when the owner takes one')
  })

  t.test('a refused record leaves the one that it would have overwritten', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.register('n1', connectionOf())
    await t.rejects(under.register('n2', connectionOf()), UNAVAILABLE)
    t.match(await under.connections('alice'), [{ nodeId: 'n1' }])
  })

  t.test('taking a lease twice is taking it once', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.take('n1')
    t.equal((await under.connections('alice')).length, 1)
    t.match(await under.renew('n1'), { status: 'held' })
  })

  t.test('renewing a lease that was never taken answers lost, and takes none', async t => {
    const under = await start(t)
    t.match(await under.renew('n1'), { status: 'lost' })
    await t.rejects(under.register('n1', connectionOf()), UNAVAILABLE)
    t.match(await under.renew('n1'), { status: 'lost' })
  })

  t.test('a released lease makes its users offline at once, and is lost from then on', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf({ connectionId: 'c1' }))
    await under.register('n2', connectionOf({ connectionId: 'c2' }))
    await under.release('n1')
    t.same((await under.connections('alice')).map(({ nodeId }) => nodeId), ['n2'], 'those of other nodes stay')
    t.match(await under.renew('n1'), { status: 'lost' })
    await t.rejects(under.register('n1', connectionOf()), UNAVAILABLE)
    t.match(await under.renew('n2'), { status: 'held' })
  })

  t.test('releasing a lease twice, or one that was never taken, is no error', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.release('n1')
    await under.release('n1')
    await under.release('n2')
  })

  t.test('the end of a lease makes its users offline without anybody cleaning up', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1')
    await under.register('n1', connectionOf())
    t.equal((await under.connections('alice')).length, 1)
    await under.passLease()
    t.same(await under.connections('alice'), [])
    await t.rejects(under.register('n1', connectionOf({ connectionId: 'c2' })), UNAVAILABLE, 'and nothing more is written for it')
  })

  t.test('renewing an expired lease that still stands makes its users online again', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.passLease()
    t.match(await under.renew('n1'), { status: 'held' })
    t.match(await under.connections('alice'), [{ connectionId: 'c1' }])
    await under.register('n1', connectionOf({ connectionId: 'c2' }))
    t.equal((await under.connections('alice')).length, 2)
  })

  t.test('the end of one lease leaves the connections of nodes that renewed theirs', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf({ connectionId: 'c1' }))
    await under.register('n2', connectionOf({ connectionId: 'c2' }))
    await under.passLease()
    await under.renew('n2')
    t.same((await under.connections('alice')).map(({ nodeId }) => nodeId), ['n2'])
  })

  t.test('a record can be taken over from a node whose lease has ended', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.passLease()
    await under.take('n2')
    await under.register('n2', connectionOf())
    await under.store.remove('n1', connectionOf())
    t.same((await under.connections('alice')).map(({ nodeId }) => nodeId), ['n2'])
  })
}
