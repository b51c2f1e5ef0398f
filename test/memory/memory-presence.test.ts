import t from 'tap'
import { MemoryBroker } from '../../src/memory/memory-broker.ts'
import { MemoryPresence } from '../../src/memory/memory-presence.ts'
import { presenceStoreConformance } from '../conformance/presence-store.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

presenceStoreConformance(t, 'MemoryPresence', async (_t, { leaseMs }) => {
  const clock = new FakeClock()
  const broker = new MemoryBroker({ now: clock.now })
  return {
    broker,
    store: new MemoryPresence({ leaseMs, now: clock.now, announce: event => { broker.announce(event) } }),
    pass: async ms => { clock.advance(ms) }
  }
})
