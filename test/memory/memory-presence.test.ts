import t from 'tap'
import { MemoryPresence } from '../../src/memory/memory-presence.ts'
import { presenceStoreConformance } from '../conformance/presence-store.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

presenceStoreConformance(t, 'MemoryPresence', async (_t, { leaseMs }) => {
  const clock = new FakeClock()
  return {
    store: new MemoryPresence({ leaseMs, now: clock.now }),
    passLease: async () => { clock.advance(leaseMs) }
  }
})
