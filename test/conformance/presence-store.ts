import type { Test } from 'tap'
import type { NodeInfo, PresenceRecord, PresenceStore } from '../../src/core/presence-store.ts'
import { endTests } from './presence-suite/end.ts'
import { leaseTests } from './presence-suite/leases.ts'
import { ownershipTests } from './presence-suite/ownership.ts'
import { recordTests } from './presence-suite/records.ts'

export interface StoreUnderTest {
  readonly store: PresenceStore
  /** Resolves when every lease that was taken or renewed before the call has ended. */
  readonly passLease: () => Promise<void>
}

/** Makes a store on a fresh backend, and tears down by `t.after` what it stands on. */
export type MakeStore = (t: Test, options: { readonly leaseMs: number }) => Promise<StoreUnderTest>

export type StartStore = (t: Test, options?: { readonly leases: 'long' | 'short' }) => Promise<StoreUnderTest>

/** Long enough that no lease ends by itself within a test, short enough to wait for its end. */
const LEASE_MS = { long: 60_000, short: 1_000 } as const

/** The suite that every presence store must pass: the contract of src/core/presence-store.ts, sentence by sentence. */
export function presenceStoreConformance (t: Test, name: string, makeStore: MakeStore): void {
  const start: StartStore = async (t, { leases } = { leases: 'long' }) => {
    const made = await makeStore(t, { leaseMs: LEASE_MS[leases] })
    t.after(() => made.store.close())
    return made
  }
  t.test(`${name} keeps records`, async t => { recordTests(t, start) })
  t.test(`${name} lets only the owner remove`, async t => { ownershipTests(t, start) })
  t.test(`${name} believes in leases`, async t => { leaseTests(t, start) })
  t.test(`${name} ends`, async t => { endTests(t, start) })
}

export function nodeNamed (nodeId: string): NodeInfo {
  return { nodeId, nodeName: `name of ${nodeId}` }
}

/** A record with every field set; what a test is about, it overrides. */
export function recordOf (fields: Partial<PresenceRecord> = {}): PresenceRecord {
  const { nodeId = 'n1' } = fields
  return {
    ...nodeNamed(nodeId), connectionId: 'c1', userId: 'alice', connectedAt: 1_000, transport: 'websocket', info: null, ...fields
  }
}
