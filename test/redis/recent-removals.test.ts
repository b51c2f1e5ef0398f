import t from 'tap'
import type { PresenceEntry } from '../../src/core/presence-entry.ts'
import { RecentRemovals } from '../../src/redis/recent-removals.ts'

const member = (connectionId: string): PresenceEntry => ({ kind: 'member', connectionId, userId: 'alice', room: 'lobby', info: null })

t.test('what was removed lately is removed again, unless it is there again', async t => {
  const removed: string[] = []
  const removals = new RecentRemovals({ remove: async (nodeId, entry) => { removed.push(`${nodeId} ${entry.kind === 'member' ? entry.connectionId : ''}`) } })
  removals.add('n1', member('c1'))
  removals.add('n1', member('c2'))
  removals.add('n2', member('c2'))
  removals.forget('n1', member('c2'))
  await removals.repeat()
  t.same(removed, ['n1 c1', 'n2 c2'])
})

t.test('a removal that fails is tried again, until it is stopped', async t => {
  let tries = 0
  const removals: RecentRemovals = new RecentRemovals({
    remove: async () => {
      if (++tries === 2) removals.stop()
      throw new Error('not yet')
    }
  })
  removals.add('n1', member('c1'))
  await removals.repeat()
  t.equal(tries, 2)
})

t.test('after a minute a removal is forgotten', async t => {
  let removed = 0
  const now = t.capture(performance, 'now', () => clock)
  let clock = 0
  const removals = new RecentRemovals({ remove: async () => { removed++ } })
  removals.add('n1', member('c1'))
  clock = 61_000
  removals.add('n1', member('c2'))
  await removals.repeat()
  t.equal(removed, 1)
  t.ok(now().length > 0)
})

t.end()
