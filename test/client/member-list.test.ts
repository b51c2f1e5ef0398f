import t from 'tap'
import { MemberList, type MemberChange } from '../../client/member-list.ts'

const member = (userId: string): { userId: string, info: unknown } => ({ userId, info: null })
const join = (userId: string, version: number): MemberChange => ({ type: 'join', member: member(userId), version })
const leave = (userId: string, version: number): MemberChange => ({ type: 'leave', member: member(userId), version })

const cases = [
  { title: 'a snapshot is the list', changes: [], users: ['alice', 'bob'] },
  { title: 'the next join adds one', changes: [join('carol', 6)], users: ['alice', 'bob', 'carol'] },
  { title: 'the next leave takes one away', changes: [leave('alice', 6)], users: ['bob'] },
  { title: 'events up to the version are dropped', changes: [leave('alice', 4), leave('bob', 5)], users: ['alice', 'bob'] },
  { title: 'an event twice is an event once', changes: [leave('bob', 6), join('bob', 7), leave('bob', 6)], users: ['alice', 'bob'] }
]

for (const { title, changes, users } of cases) {
  t.test(title, async t => {
    const list = new MemberList()
    list.replace({ members: [member('alice'), member('bob')], version: 5 })
    for (const change of changes) list.apply(change)
    t.same(list.members.map(({ userId }) => userId), users)
  })
}

t.test('before a snapshot there is nothing that an event could follow on', async t => {
  const list = new MemberList()
  t.notOk(list.apply(join('alice', 1)))
  t.same(list.members, [])
})

t.test('a snapshot replaces the list also where its version is lower', async t => {
  const list = new MemberList()
  list.replace({ members: [member('alice')], version: 9 })
  list.replace({ members: [member('bob')], version: 2 })
  t.ok(list.apply(join('carol', 3)))
  t.same(list.members.map(({ userId }) => userId), ['bob', 'carol'])
})
