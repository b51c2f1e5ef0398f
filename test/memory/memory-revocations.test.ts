import t from 'tap'
import { MemoryRevocations } from '../../src/memory/memory-revocations.ts'
import { revocationStoreConformance } from '../conformance/revocation-store.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

revocationStoreConformance(t, 'MemoryRevocations', async (_t, { most }) => {
  const clock = new FakeClock()
  return {
    store: new MemoryRevocations({ most, now: clock.now }),
    now: async () => clock.now(),
    pass: async ms => { clock.advance(ms) }
  }
})
