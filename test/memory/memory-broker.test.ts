import t from 'tap'
import { MemoryBroker } from '../../src/memory/memory-broker.ts'
import { brokerConformance } from '../conformance/broker.ts'
import { suiteHistoryOf } from '../conformance/broker-suite/history-policy.ts'

brokerConformance(t, 'MemoryBroker', async () => [new MemoryBroker({ historyOf: suiteHistoryOf })], { nodes: 1, reason: 'its backend is the process itself' })
