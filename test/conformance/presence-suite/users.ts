import type { Test } from 'tap'
import { connectionOf, type StartStore } from '../presence-store.ts'
import { USER_IDS } from './records.ts'

/** `users` and `connection`. */
export function userTests (t: Test, start: StartStore): void {
  t.test('many users are answered in the order asked, those unknown and those asked for twice too', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const [index, userId] of USER_IDS.entries()) {
      if (index % 2 === 0) await under.register('n1', connectionOf({ userId, connectionId: `c${index}` }))
    }
    const asked = [...USER_IDS].reverse().concat(USER_IDS)
    const answers = await under.store.users(asked)
    t.strictSame(answers.map(({ userId }) => userId), asked)
    t.same(answers.map(({ online }) => online), asked.map(userId => USER_IDS.indexOf(userId) % 2 === 0))
    t.same(answers.filter(({ online, connections }) => online !== (connections.length === 1)), [])
  })

  t.test('a single connection is found on whatever node it is, for as long as it is live', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf())
    await under.register('n2', connectionOf({ userId: 'a {b} c', connectionId: 'c2' }))
    t.match(await under.store.connection('c1'), { connectionId: 'c1', userId: 'alice', nodeId: 'n1', connectedAt: 1_000 })
    t.match(await under.store.connection('c2'), { connectionId: 'c2', userId: 'a {b} c', nodeId: 'n2' })
    t.equal(await under.store.connection('c'), undefined)
    await under.store.remove('n1', connectionOf())
    t.equal(await under.store.connection('c1'), undefined, 'it was removed')
    await under.passLease()
    t.equal(await under.store.connection('c2'), undefined, 'its node is dead')
  })

  t.test('who asks about nobody is told nothing', async t => {
    const { store } = await start(t)
    t.same(await store.users([]), [])
  })

  t.test('a user who was never seen is offline, and was last seen never', async t => {
    const { store } = await start(t)
    t.strictSame(await store.users(['nobody']), [{ userId: 'nobody', online: false, connections: [], lastSeenAt: null }])
  })

  t.test('lastSeenAt is null while online, set by the last removal, and null again when the user is back', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    const seen = async () => (await under.store.users(['alice']))[0]?.lastSeenAt
    await under.register('n1', connectionOf())
    await under.register('n2', connectionOf({ connectionId: 'c2' }))
    t.equal(await seen(), null)
    await under.store.remove('n1', connectionOf())
    t.equal(await seen(), null, 'one connection is left')
    await under.store.remove('n2', connectionOf({ connectionId: 'c2' }))
    const first = await seen() ?? 0
    t.ok(first > Date.UTC(2020), `an instant: ${first}`)
    await under.store.remove('n2', connectionOf({ connectionId: 'c2' }))
    t.equal(await seen(), first, 'a removal of what is gone says nothing')

    await under.register('n1', connectionOf())
    t.equal(await seen(), null)
    await under.pass(5)
    await under.store.remove('n1', connectionOf())
    t.ok((await seen() ?? 0) >= first + 5, 'a later end is a later instant')
  })

  t.test('a removal by another owner does not tell when a user was seen', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf())
    await under.store.remove('n2', connectionOf())
    t.match(await under.store.users(['alice']), [{ online: true, lastSeenAt: null }])
  })

  t.test('a user whose node died was last seen when that node last gave a sign of life', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.register('n1', connectionOf())
    await under.register('n2', connectionOf({ userId: 'bob' }))
    await under.passLease()
    const [alice, bob] = await under.store.users(['alice', 'bob'])
    t.match(alice, { online: false, connections: [] })
    t.ok((alice?.lastSeenAt ?? 0) > Date.UTC(2020))
    await under.renew('n2')
    const [later, back] = await under.store.users(['alice', 'bob'])
    t.equal(later?.lastSeenAt, alice?.lastSeenAt, 'it does not move')
    t.match([bob?.online, back], [false, { online: true, lastSeenAt: null }])
  })
}
