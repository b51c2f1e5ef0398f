import type { Test } from 'tap'
import { connectionOf, memberOf, type StartStore } from '../presence-store.ts'

/** A second after the end of a lease its node can be claimed; this is safely behind that. */
const CLAIMABLE_MS = 1_100

/** **Death**: who claims whom, and when. */
export function claimTests (t: Test, start: StartStore): void {
  t.test('a dead node is claimed by a live one, and its lease is lost', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf())
    t.same(await under.claimsOf('n2'), ['n1'])
    t.same(await under.renew('n1'), { status: 'lost' })
    await t.rejects(under.register('n1', connectionOf()), { code: 'unavailable' })
    t.same(await under.connections('alice'), [])
  })

  t.test('a lease that has just ended is not claimed, and can be renewed', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n2', 'n1')
    await under.register('n1', connectionOf())
    for (let step = 0; step < 4; step++) t.same(await under.step('n2'), [[]])
    t.same(await under.connections('alice'), [], 'it has ended')
    t.same(await under.renew('n1'), { status: 'held', claimed: [] })
    t.match(await under.connections('alice'), [{ nodeId: 'n1' }])
  })

  t.test('after a pause in which all leases ended nobody is claimed', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2', 'n3')
    await under.pass(under.leaseMs + CLAIMABLE_MS)
    for (const nodeId of ['n1', 'n2', 'n3', 'n1', 'n2', 'n3']) t.same(await under.renew(nodeId), { status: 'held', claimed: [] }, nodeId)
  })

  t.test('a node whose lease was broken claims once it was unbroken for a full length', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.pass(under.leaseMs + CLAIMABLE_MS)
    t.same(await under.renew('n2'), { status: 'held', claimed: [] })
    t.same(await under.claimsOf('n2'), ['n1'])
  })

  t.test('a node that has just started claims nobody, until its lease was unbroken for a full length', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1')
    await under.pass(under.leaseMs + CLAIMABLE_MS)
    await under.take('n2')
    t.same(await under.renew('n2'), { status: 'held', claimed: [] })
    t.same(await under.claimsOf('n2'), ['n1'])
  })

  t.test('only one node claims a dead one, and is told so with every renewal until it is buried', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2', 'n3')
    t.same(await under.claimsOf('n2', { alive: ['n3'] }), ['n1'])
    for (let renewal = 0; renewal < 2; renewal++) t.same(await under.step('n2', 'n3'), [['n1'], []])
    await under.store.bury('n1')
    t.same(await under.step('n2', 'n3'), [[], []])
    t.same(await under.renew('n1'), { status: 'lost' })
  })

  t.test('what a dead claimer had claimed is taken over', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2', 'n3')
    t.same(await under.claimsOf('n2', { alive: ['n3'] }), ['n1'])
    t.same(await under.claimsOf('n3', { count: 2 }), ['n1', 'n2'])
    t.same(await under.renew('n2'), { status: 'lost' })
  })

  t.test('what a claimer that was released had claimed is taken over', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2', 'n3')
    t.same(await under.claimsOf('n2', { alive: ['n3'] }), ['n1'])
    await under.release('n2')
    t.same(await under.claimsOf('n3'), ['n1'])
  })

  t.test('a node is never claimed by itself, nor one that was released or that renews', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2', 'n3')
    await under.release('n3')
    for (let step = 0; step < 12; step++) t.same(await under.step('n1', 'n2'), [[], []])
  })

  t.test('a claimed node that comes back takes a new name, and nothing of the old one stands in its way', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.listen('lobby')
    await under.register('n1', memberOf())
    await under.claimsOf('n2')
    await under.take('n1b')
    await under.register('n1b', memberOf())
    await under.sweep('n1')
    t.same(await under.story(), ['join alice 1'], 'a user who is back before the sweep never left')
    t.same(await under.store.occupancy('lobby'), { connections: 1, members: 1 })
  })
}
