import { RoomcastError } from '../core/errors.ts'
import type { NodeInfo, Renewal } from '../core/presence-store.ts'
import { call, isTimeout, run, type CallParts } from './redis-calls.ts'
import { RETENTION_MS, type RedisKeys } from './redis-keys.ts'

/** How long after its lease's end a node is claimed: its users are offline by then, and its own late renewal still counts. */
const CLAIM_AFTER_MS = 1_000

export interface RedisLeasesParts extends CallParts {
  readonly keys: RedisKeys
  readonly leaseMs: number
}

/** What Redis knows of the nodes. */
export interface KnownNodes {
  readonly live: ReadonlySet<string>
  /** When each node, live or dead, gave its last sign of life, in milliseconds since 1970. */
  readonly seenAt: ReadonlyMap<string, number>
}

/** The leases of the cluster's nodes, in Redis. */
export class RedisLeases {
  readonly #parts: RedisLeasesParts
  /** When the leases taken through this object end, as Redis told. */
  readonly #ends = new Map<string, number>()

  constructor (parts: RedisLeasesParts) {
    this.#parts = parts
  }

  /** When the lease of a node of ours ends, on Redis' clock; undefined if it holds none. */
  endOf (nodeId: string): number | undefined {
    return this.#ends.get(nodeId)
  }

  async take (node: NodeInfo): Promise<void> {
    await this.#lease('take', node)
  }

  async renew (node: NodeInfo): Promise<Renewal> {
    try {
      return await this.#lease('renew', node)
    } catch (error) {
      // A half-open link looks like this; a new connection is the cure.
      if (error instanceof RoomcastError && isTimeout(error.cause)) this.#parts.publisher.disconnect(true)
      throw error
    }
  }

  async release ({ nodeId, nodeName }: NodeInfo, graceMs: number): Promise<void> {
    const { publisher, keys } = this.#parts
    this.#ends.delete(nodeId)
    const holder = JSON.stringify({ nodeName, isLeaving: true })
    await call(this.#parts, ({ notAfter }) => publisher.roomcastRelease(
      keys.leases(), keys.leasesSince(), keys.leaseHolders(), keys.claims(), notAfter, nodeId, graceMs, holder))
    if (graceMs === 0) await run(publisher, () => publisher.del(keys.nodeIndex(nodeId)))
  }

  async bury (nodeId: string): Promise<void> {
    const { publisher, keys } = this.#parts
    await call(this.#parts, ({ notAfter }) => publisher.roomcastBury(keys.leaseHolders(), keys.claims(), notAfter, nodeId))
  }

  async nodes (): Promise<KnownNodes> {
    const { publisher, keys } = this.#parts
    const [live, holders] = await run(publisher, () => publisher.roomcastNodes(keys.leases(), keys.leaseHolders()))
    const seenAt = new Map<string, number>()
    for (let i = 0; i + 1 < holders.length; i += 2) seenAt.set(String(holders[i]), Number.parseInt(String(holders[i + 1]), 10))
    return { live: new Set(live), seenAt }
  }

  async #lease (mode: 'take' | 'renew', { nodeId, nodeName }: NodeInfo): Promise<Renewal> {
    const { publisher, keys, clock, leaseMs } = this.#parts
    const reply = await call(this.#parts, ({ notAfter, runId }) => publisher.roomcastLease(
      keys.leases(), keys.leasesSince(), keys.leaseHolders(), keys.claims(),
      notAfter, mode, nodeId, leaseMs, JSON.stringify({ nodeName }), this.#ends.get(nodeId) ?? 0, RETENTION_MS, CLAIM_AFTER_MS, runId
    ))
    clock.observe(reply[1])
    switch (reply[0]) {
      case 'held':
        this.#ends.set(nodeId, reply[2])
        return { status: 'held', claimed: reply[3] }
      case 'lost':
        this.#ends.delete(nodeId)
        return { status: 'lost' }
      default:
        throw new RoomcastError('unavailable')
    }
  }
}
