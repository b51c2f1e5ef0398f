import type { Test } from 'tap'
import { connectionOf, type StartStore, type StoreUnderTest } from '../presence-store.ts'

async function ids (under: StoreUnderTest): Promise<string[]> {
  return (await under.connections('alice')).map(({ connectionId }) => connectionId).sort()
}

/** `register` with a limit: a connection is refused where its user has as many others on live nodes as may be. */
export function limitTests (t: Test, start: StartStore): void {
  t.test('as many connections of a user as may be are taken, and one more is refused and not written', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const connectionId of ['c1', 'c2']) await under.register('n1', connectionOf({ connectionId }), { most: 2 })
    await t.rejects(under.register('n1', connectionOf({ connectionId: 'c3' }), { most: 2 }), { code: 'limit_exceeded' })
    t.same(await ids(under), ['c1', 'c2'])
    await under.register('n1', connectionOf({ connectionId: 'c4', userId: 'bob' }), { most: 1 })
    await under.store.remove('n1', connectionOf({ connectionId: 'c1' }))
    await under.register('n1', connectionOf({ connectionId: 'c3' }), { most: 2 })
  })

  t.test('a connection that is written again is none more', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf(), { most: 1 })
    await under.register('n2', connectionOf(), { most: 1 })
    t.same((await under.connections('alice')).map(({ nodeId }) => nodeId), ['n2'])
  })

  t.test('without a limit nothing is counted, and the connection that is resumed never is', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const connectionId of ['c1', 'c2']) await under.register('n1', connectionOf({ connectionId }))
    const third = connectionOf({ connectionId: 'c3' })
    await t.rejects(under.register('n1', third, { most: 1, resumedId: 'c2' }), { code: 'limit_exceeded' })
    await under.register('n1', third, { most: 2, resumedId: 'c2' })
    t.same(await ids(under), ['c1', 'c2', 'c3'])
  })

  t.test('connections of all nodes count together, those that come at once too', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, n) =>
      under.register(n % 2 === 0 ? 'n1' : 'n2', connectionOf({ connectionId: `c${n}` }), { most: 5 })))
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 5)
    t.equal((await ids(under)).length, 5)
  })

  t.test('connections of a node that died do not count, though it is not swept yet', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    for (const connectionId of ['c1', 'c2']) await under.register('n1', connectionOf({ connectionId }), { most: 2 })
    await t.rejects(under.register('n2', connectionOf({ connectionId: 'c3' }), { most: 2 }), { code: 'limit_exceeded' })
    for (let step = 0; step < 5; step++) await under.step('n2')
    await under.register('n2', connectionOf({ connectionId: 'c3' }), { most: 1 })
    await t.rejects(under.register('n2', connectionOf({ connectionId: 'c4' }), { most: 1 }), { code: 'limit_exceeded' })
    t.same(await ids(under), ['c3'])
  })
}
