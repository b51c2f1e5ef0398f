import type { Test } from 'tap'
import { connectionOf, memberOf, type StartStore } from '../presence-store.ts'

/** `releaseLease` with a grace. */
export function graceTests (t: Test, start: StartStore): void {
  t.test('what a released node vouched for stays for its grace, also beyond its lease', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.register('n1', memberOf())
    await under.release('n1', 2 * under.leaseMs)
    await under.passLease()
    t.match(await under.store.users(['alice']), [{ online: true, lastSeenAt: null }])
    t.same(await under.store.occupancy('lobby'), { connections: 1, members: 1 })
    await under.passLease()
    t.match(await under.store.users(['alice']), [{ online: false, connections: [] }])
    t.same(await under.store.occupancy('lobby'), { connections: 0, members: 0 })
  })

  t.test('a grace shorter than the lease ends the lease sooner', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.release('n1', 100)
    await under.pass(100)
    t.same(await under.connections('alice'), [])
  })

  t.test('after its grace a released node is claimed like a dead one, and its users leave once', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.listen('lobby')
    await under.register('n1', memberOf())
    await under.release('n1', 500)
    t.same(await under.claimsOf('n2'), ['n1'])
    t.same(await under.story(), ['join alice 1'])
    await under.sweep('n1')
    t.same(await under.story(), ['join alice 1', 'leave alice 2'])
  })

  t.test('a user who is back within the grace never leaves, nor is offline', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.listen('lobby')
    await under.register('n1', memberOf())
    await under.register('n1', connectionOf())
    await under.release('n1', 500)
    await under.register('n2', memberOf({ connectionId: 'c2' }))
    await under.register('n2', connectionOf({ connectionId: 'c2' }))
    await under.claimsOf('n2')
    await under.sweep('n1')
    t.same(await under.story(), ['join alice 1'])
    t.match(await under.store.users(['alice']), [{ online: true, connections: [{ connectionId: 'c2' }], lastSeenAt: null }])
  })

  t.test('a released node writes nothing more, also within its grace', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.release('n1', 5_000)
    await t.rejects(under.register('n1', connectionOf()), { code: 'unavailable' })
    t.same(await under.connections('alice'), [])
  })
}
