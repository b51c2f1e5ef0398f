import t from 'tap'
import { figures, openItem } from './report.ts'
import { soak } from './soak.ts'

/** Always the same plan: what is red here is red again. `npm run soak` plays others, for longer, with many more. */
const SEED = 12

t.test('connections that come, go, publish and abuse, through a killed node and a Redis that stops and restarts, leave no open item and nothing behind', async t => {
  const result = await soak(t, {
    seed: SEED,
    connections: 150,
    durationMs: 18_000,
    warmUpMs: 4_000,
    rampMs: 2_000,
    faults: ['a node killed', 'Redis stopped', 'Redis restarted'],
    faultEveryMs: 2_000,
    publishesPerSecond: 40,
    // A dead node's users are gone after this, instead of ten seconds.
    env: { HEARTBEAT_MS: '1000', LEASE_MS: '4000' }
  })
  for (const line of figures(result)) t.comment(line)
  t.same(result.ledger.findings.kept.map(openItem), [])
  const { faults, deliveries, members, counts, abuses } = result.ledger
  t.same([...faults.keys()].sort(), ['Redis restarted', 'Redis stopped', 'a node killed'], 'each fault came')
  t.ok(deliveries.delivered > 2_000, 'much was delivered')
  t.ok(members.joins > 500 && members.leaves > 50, 'many joined and left')
  t.ok(counts.recoveries > 10 && counts.replayed > 0, 'many came back and were brought what they missed')
  t.ok(abuses.size > 0, 'somebody abused a node')
})
