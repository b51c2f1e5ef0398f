import type { Test } from 'tap'
import { entryKeyOf } from '../../../src/core/presence-entry.ts'
import { connectionOf, memberOf, roomOf, type StartStore, type StoreUnderTest } from '../presence-store.ts'

/** What a node has of one connection in two rooms. */
const ENTRIES = [connectionOf(), memberOf(), memberOf({ room: 'attic }: \\' }), roomOf('lobby'), roomOf('attic }: \\')]

async function die (under: StoreUnderTest): Promise<void> {
  await under.take('n1', 'n2')
  await under.listen('lobby', 'attic }: \\')
  for (const entry of ENTRIES) await under.register('n1', entry)
}

async function keysOf (under: StoreUnderTest, nodeId: string): Promise<string[]> {
  return (await under.store.entriesOf(nodeId)).map(entryKeyOf).sort()
}

/** `entriesOf`, `remove` and `bury`. */
export function sweepTests (t: Test, start: StartStore): void {
  t.test('a node has the entries that it wrote and did not remove', async t => {
    const under = await start(t)
    await die(under)
    t.same(await keysOf(under, 'n1'), ENTRIES.map(entryKeyOf).sort())
    for (const entry of ENTRIES) {
      await under.register('n1', entry)
      await under.store.remove('n1', entry)
    }
    t.same(await keysOf(under, 'n1'), [])
    t.same(await keysOf(under, 'n2'), [])
    t.same(await keysOf(under, 'unknown'), [])
  })

  t.test('who claimed a node removes its entries: nobody is online or a member by it, and each left once', async t => {
    const under = await start(t, { leases: 'short' })
    await die(under)
    await under.register('n2', memberOf({ connectionId: 'c2', userId: 'bob' }))
    await under.claimsOf('n2')
    t.same((await under.events()).map(({ type }) => type), ['join', 'join', 'join'], 'a claim alone is no leave')
    t.same(await keysOf(under, 'n1'), ENTRIES.map(entryKeyOf).sort())
    await under.sweep('n1')
    t.same(await keysOf(under, 'n1'), [])
    t.same(await Promise.all(['lobby', 'attic }: \\'].map(room => under.memberIds(room))), [['bob'], []])
    t.same(await under.store.rooms('', '', 10), { rooms: [], next: null })
    const left = (await under.events()).filter(({ type }) => type === 'leave').map(({ room, member }) => `${member.userId} ${room}`).sort()
    t.same(left, ['alice attic }: \\', 'alice lobby'])
  })

  t.test('a sweep done twice, and by two, is done once', async t => {
    const under = await start(t, { leases: 'short' })
    await die(under)
    await under.claimsOf('n2')
    const entries = await under.store.entriesOf('n1')
    await Promise.all([...entries, ...entries].map(entry => under.store.remove('n1', entry)))
    await under.sweep('n1')
    await under.sweep('n1')
    t.same((await under.events()).map(({ type }) => type), ['join', 'join', 'leave', 'leave'])
  })

  t.test('a sweep leaves what another node has taken over', async t => {
    const under = await start(t, { leases: 'short' })
    await die(under)
    await under.register('n2', connectionOf())
    await under.register('n2', memberOf())
    await under.register('n2', roomOf('lobby'))
    await under.claimsOf('n2')
    await under.sweep('n1')
    t.match(await under.connections('alice'), [{ nodeId: 'n2' }])
    t.same([await under.memberIds(), (await under.store.rooms('', '', 10)).rooms], [['alice'], ['lobby']])
    const left = (await under.events()).filter(({ type }) => type === 'leave').map(({ room }) => room)
    t.same(left, ['attic }: \\'])
  })

  t.test('after the sweep a user was last seen when the dead node last gave a sign of life', async t => {
    const under = await start(t, { leases: 'short' })
    await die(under)
    await under.passLease()
    const seen = async () => (await under.store.users(['alice']))[0]?.lastSeenAt
    const before = await seen()
    t.ok((before ?? 0) > 0)
    await under.claimsOf('n2')
    t.equal(await seen(), before, 'claimed')
    await under.sweep('n1')
    t.equal(await seen(), before, 'swept and buried')
  })

  t.test('everything of a node with many connections is found', async t => {
    const under = await start(t)
    await under.take('n1')
    const entries = Array.from({ length: 1_201 }, (_, index) => connectionOf({ connectionId: `c${index}`, userId: `user ${index}` }))
    await Promise.all(entries.map(entry => under.register('n1', entry)))
    await under.sweep('n1')
    const answers = await under.store.users(entries.map(({ userId }) => userId))
    t.equal(answers.filter(({ online }) => online).length, 0)
  })
}
