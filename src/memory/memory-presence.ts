import { RoomcastError } from '../core/errors.ts'
import type { NodeInfo, PresenceRecord, PresenceRecordRef, PresenceStore, Renewal } from '../core/presence-store.ts'

/** The presence store of one process. Leases are kept here too: the same rules hold whatever the store. */
export class MemoryPresence implements PresenceStore {
  readonly #leaseMs: number
  readonly #now: () => number
  /** When each node's lease ends. */
  readonly #leases = new Map<string, number>()
  readonly #records = new Map<string, Map<string, PresenceRecord>>()
  #isClosed = false

  constructor ({ leaseMs, now = Date.now }: { leaseMs: number, now?: () => number }) {
    this.#leaseMs = leaseMs
    this.#now = now
  }

  async takeLease ({ nodeId }: NodeInfo): Promise<void> {
    this.#assertOpen()
    this.#leases.set(nodeId, this.#now() + this.#leaseMs)
  }

  async renewLease ({ nodeId }: NodeInfo): Promise<Renewal> {
    this.#assertOpen()
    if (!this.#leases.has(nodeId)) return 'lost'
    this.#leases.set(nodeId, this.#now() + this.#leaseMs)
    return 'held'
  }

  async releaseLease (nodeId: string): Promise<void> {
    this.#assertOpen()
    this.#leases.delete(nodeId)
  }

  async register (record: PresenceRecord): Promise<void> {
    this.#assertOpen()
    if (!this.#isLive(record.nodeId)) throw new RoomcastError('unavailable')
    let records = this.#records.get(record.userId)
    if (records === undefined) this.#records.set(record.userId, records = new Map())
    records.set(record.connectionId, record)
  }

  async remove ({ connectionId, userId, nodeId }: PresenceRecordRef): Promise<void> {
    this.#assertOpen()
    const records = this.#records.get(userId)
    if (records?.get(connectionId)?.nodeId !== nodeId) return
    records.delete(connectionId)
    if (records.size === 0) this.#records.delete(userId)
  }

  async connections (userId: string): Promise<PresenceRecord[]> {
    this.#assertOpen()
    const live = [...this.#records.get(userId)?.values() ?? []].filter(({ nodeId }) => this.#isLive(nodeId))
    return live.sort((a, b) => a.connectedAt - b.connectedAt)
  }

  async close (): Promise<void> {
    this.#isClosed = true
  }

  #isLive (nodeId: string): boolean {
    return (this.#leases.get(nodeId) ?? 0) > this.#now()
  }

  #assertOpen (): void {
    if (this.#isClosed) throw new RoomcastError('unavailable')
  }
}
