import type { Test } from 'tap'
import type { MembersPage } from '../../../src/core/presence-store.ts'
import { memberOf, type StartStore, type StoreUnderTest } from '../presence-store.ts'
import { INFOS, USER_IDS } from './records.ts'

const IN_ORDER = [...USER_IDS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

/** A room with everybody in it, who came in no order. */
async function fill (under: StoreUnderTest): Promise<void> {
  await under.take('n1', 'n2')
  for (const [index, userId] of USER_IDS.entries()) {
    await under.register(`n${1 + index % 2}`, memberOf({ userId, connectionId: `c${index}`, info: INFOS[index % INFOS.length] }))
  }
}

/** All pages, each after the `next` of the one before. */
async function pages (under: StoreUnderTest, limit: number): Promise<MembersPage[]> {
  const all: MembersPage[] = []
  for (let after: string | null = ''; after !== null && all.length <= USER_IDS.length;) {
    const page: MembersPage = await under.store.membersPage('lobby', after, limit)
    all.push(page)
    after = page.next
  }
  return all
}

/** `members`, `membersPage` and `occupancy`. */
export function memberTests (t: Test, start: StartStore): void {
  t.test('a room that nobody is in has no members, no pages and no occupancy', async t => {
    const { store } = await start(t)
    t.match(await store.members('lobby'), { epoch: /./, version: 0, members: [] })
    t.match(await store.membersPage('lobby', '', 10), { version: 0, members: [], next: null })
    t.same(await store.occupancy('lobby'), { connections: 0, members: 0 })
  })

  t.test('everybody is in the snapshot, once, with what the token shows', async t => {
    const under = await start(t)
    await fill(under)
    const { version, members } = await under.store.members('lobby')
    t.equal(version, USER_IDS.length)
    t.strictSame(members.map(({ userId }) => userId).sort(), [...USER_IDS].sort())
    for (const { userId, info } of members) {
      t.equal(JSON.stringify(info), JSON.stringify(INFOS[USER_IDS.indexOf(userId) % INFOS.length]), `info of user ${USER_IDS.indexOf(userId)}`)
    }
  })

  for (const limit of [1, 7, USER_IDS.length - 1, USER_IDS.length, 1_000]) {
    t.test(`pages of ${limit} hold everybody once, in the order of the bytes of their ids`, async t => {
      const under = await start(t)
      await fill(under)
      const { members, ...version } = await under.store.members('lobby')
      const all = await pages(under, limit)
      t.strictSame(all.flatMap(page => page.members.map(({ userId }) => userId)), IN_ORDER)
      t.same(all.map(page => page.members.length), Array.from(all, (_, index) => Math.min(limit, USER_IDS.length - index * limit)))
      t.strictSame(all.map(({ next }) => next), all.map((page, index) => index === all.length - 1 ? null : page.members.at(-1)?.userId))
      for (const page of all) t.match(page, version)
      const infos = new Map(members.map(({ userId, info }) => [userId, JSON.stringify(info)]))
      t.same(all.flatMap(page => page.members).filter(({ userId, info }) => JSON.stringify(info) !== infos.get(userId)), [])
    })
  }

  t.test('a page may begin after an id that is no member, and after the last', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const userId of ['a', 'c', 'e']) await under.register('n1', memberOf({ userId, connectionId: userId }))
    const ids = async (after: string) => (await under.store.membersPage('lobby', after, 10)).members.map(({ userId }) => userId)
    t.same(await Promise.all(['', 'a', 'b', 'd', 'e', 'f'].map(ids)), [['a', 'c', 'e'], ['c', 'e'], ['c', 'e'], ['e'], [], []])
    await under.store.remove('n1', memberOf({ userId: 'c', connectionId: 'c' }))
    t.same(await ids('a'), ['e'], 'who left is in no page')
  })

  t.test('occupancy counts connections and users', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    for (const [connectionId, userId, nodeId] of [['c1', 'alice', 'n1'], ['c2', 'alice', 'n2'], ['c3', 'b b', 'n2'], ['c4', 'b b', 'n2']] as const) {
      await under.register(nodeId, memberOf({ connectionId, userId }))
    }
    await under.register('n1', memberOf({ connectionId: 'c5', userId: 'carol', room: 'attic' }))
    t.same(await under.store.occupancy('lobby'), { connections: 4, members: 2 })
    await under.store.remove('n1', memberOf())
    t.same(await under.store.occupancy('lobby'), { connections: 3, members: 2 })
    await under.store.remove('n2', memberOf({ connectionId: 'c2' }))
    t.same(await under.store.occupancy('lobby'), { connections: 2, members: 1 })
  })

  t.test('occupancy believes in leases; the versioned answers believe in events', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    await under.listen('lobby')
    await under.register('n1', memberOf())
    await under.register('n2', memberOf({ connectionId: 'c2', userId: 'bob' }))
    await under.passLease()
    await under.renew('n2')
    t.same(await under.store.occupancy('lobby'), { connections: 1, members: 1 })
    t.same(await under.memberIds(), ['alice', 'bob'])
    t.same((await under.store.membersPage('lobby', '', 10)).members.map(({ userId }) => userId), ['alice', 'bob'])
    t.same(await under.story(), ['join alice 1', 'join bob 2'])
  })
}
