import type { Test } from 'tap'
import { reportOf, type StartStore, type StoreUnderTest } from '../presence-store.ts'

async function listed ({ store }: StoreUnderTest): Promise<string[]> {
  return (await store.nodes()).map(({ nodeId }) => nodeId).sort()
}

/** `nodes`. */
export function nodeTests (t: Test, start: StartStore): void {
  t.test('where no lease was taken there are no nodes', async t => {
    t.same(await (await start(t)).store.nodes(), [])
  })

  t.test('a node is listed from the taking of its lease on, with what it told, and until when its lease lasts', async t => {
    const under = await start(t)
    const before = Date.now()
    await under.take('n1')
    const [node] = await under.store.nodes()
    const { leaseEndsAt = 0, ...told } = node ?? {}
    t.strictSame(told, { nodeId: 'n1', nodeName: 'name of n1', ...reportOf() })
    t.ok(Number.isInteger(leaseEndsAt) && leaseEndsAt >= before + under.leaseMs - 1, `it ends at ${leaseEndsAt}`)
  })

  t.test('each renewal replaces what a node told, and that of no other', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    await under.renew('n1', reportOf({ version: '2.0.0', connections: 7, rooms: 100_000 }))
    await under.renew('n1', reportOf({ version: '2.0.0', connections: 5, rooms: 3 }))
    const told = (await under.store.nodes()).map(({ nodeId, version, connections, rooms }) => [nodeId, version, connections, rooms])
    t.same(told.sort(), [['n1', '2.0.0', 5, 3], ['n2', '1.2.3', 0, 0]])
  })

  t.test('a node whose lease has ended is not listed, nobody having cleaned up, until it renews', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.passLease()
    await under.renew('n2')
    t.same(await listed(under), ['n2'])
    await under.renew('n1')
    t.same(await listed(under), ['n1', 'n2'])
  })

  t.test('a released node is not listed, nor is one in its grace', async t => {
    const under = await start(t)
    await under.take('n1', 'n2', 'n3')
    await under.release('n1')
    await under.release('n2', under.leaseMs)
    t.same(await listed(under), ['n3'])
  })

  t.test('a renewal that is lost lists nobody', async t => {
    const under = await start(t)
    await under.renew('n1', reportOf({ connections: 1 }))
    t.same(await listed(under), [])
  })
}
