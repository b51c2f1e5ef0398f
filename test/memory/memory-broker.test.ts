import t from 'tap'
import { MemoryBroker } from '../../src/memory/memory-broker.ts'
import { brokerConformance } from '../conformance/broker.ts'

brokerConformance(t, 'MemoryBroker', async () => [new MemoryBroker()], { nodes: 1, reason: 'its backend is the process itself' })
