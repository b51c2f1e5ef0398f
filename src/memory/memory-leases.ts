import type { NodeInfo, NodeReport, NodeStatus, Renewal } from '../core/presence-store.ts'

interface HeldLease {
  readonly node: NodeInfo
  report: NodeReport
  ends: number
  /** Since when it is unbroken; a node whose lease was broken cannot tell a pause from a death. */
  since: number
  seenAt: number
  /** Whether its node has ended, and its entries only outlive it by a grace. */
  isLeaving: boolean
}

/** How long after its lease's end a node is claimed, in milliseconds. */
const CLAIM_AFTER_MS = 1_000

/** The leases of the nodes that one store knows. */
export class MemoryLeases {
  readonly #leaseMs: number
  readonly #now: () => number
  readonly #leases = new Map<string, HeldLease>()
  /** Dead node → who sweeps it, and when it was last seen. */
  readonly #claims = new Map<string, { claimer: string, readonly seenAt: number }>()

  constructor ({ leaseMs, now }: { leaseMs: number, now: () => number }) {
    this.#leaseMs = leaseMs
    this.#now = now
  }

  isLive (nodeId: string): boolean {
    return (this.#leases.get(nodeId)?.ends ?? 0) > this.#now()
  }

  /** The last sign of life of a node, live or dead; 0 if it is unknown. */
  seenAt (nodeId: string): number {
    return this.#leases.get(nodeId)?.seenAt ?? this.#claims.get(nodeId)?.seenAt ?? 0
  }

  take (node: NodeInfo, report: NodeReport): void {
    const now = this.#now()
    this.#leases.set(node.nodeId, { node, report, ends: now + this.#leaseMs, since: now, seenAt: now, isLeaving: false })
  }

  /** Whether a node may still write: it holds a lease, and has not given it back. */
  mayWrite (nodeId: string): boolean {
    return this.isLive(nodeId) && this.#leases.get(nodeId)?.isLeaving !== true
  }

  renew (nodeId: string, report: NodeReport): Renewal {
    const now = this.#now()
    const lease = this.#leases.get(nodeId)
    if (lease === undefined || lease.isLeaving) return { status: 'lost' }
    if (lease.ends <= now) lease.since = now
    lease.ends = now + this.#leaseMs
    lease.seenAt = now
    lease.report = report
    if (now - lease.since >= this.#leaseMs) this.#claim(nodeId, now)
    return { status: 'held', claimed: [...this.#claims].filter(([, { claimer }]) => claimer === nodeId).map(([dead]) => dead) }
  }

  release (nodeId: string, graceMs: number): void {
    for (const claim of this.#claims.values()) {
      if (claim.claimer === nodeId) claim.claimer = ''
    }
    const lease = this.#leases.get(nodeId)
    if (lease === undefined) return
    lease.seenAt = this.#now()
    lease.isLeaving = true
    lease.ends = this.#now() + graceMs
    if (graceMs === 0) this.#leases.delete(nodeId)
  }

  /** The nodes whose leases last, but those that have ended. */
  live (): NodeStatus[] {
    const live = [...this.#leases.values()].filter(({ ends, isLeaving }) => ends > this.#now() && !isLeaving)
    return live.map(({ node, report, ends }) => ({ ...node, ...report, leaseEndsAt: ends }))
  }

  bury (nodeId: string): void {
    this.#claims.delete(nodeId)
  }

  #claim (claimer: string, now: number): void {
    for (const [nodeId, { ends, seenAt }] of this.#leases) {
      if (ends > now - CLAIM_AFTER_MS) continue
      this.#leases.delete(nodeId)
      this.#claims.set(nodeId, { claimer, seenAt })
    }
    for (const claim of this.#claims.values()) {
      if (!this.isLive(claim.claimer)) claim.claimer = claimer
    }
  }
}
