import { RoomcastError } from '../core/errors.ts'
import type { NodeInfo, NodeReport, NodeStatus, Renewal } from '../core/presence-store.ts'
import { call, isTimeout, type CallParts } from './redis-calls.ts'
import { RETENTION_MS, type RedisKeys } from './redis-keys.ts'
import type { Shard } from './shard.ts'

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

/** What a node tells about itself, as it stands in Redis; of one that has ended only that. */
type Holder = { readonly isLeaving: true } | ({ readonly isLeaving?: never, readonly nodeName: string } & NodeReport)

/** The leases of the cluster's nodes, in Redis. */
export class RedisLeases {
  readonly #parts: RedisLeasesParts
  /** When the leases taken through this object end, as Redis told. */
  readonly #ends = new Map<string, number>()
  /** How many replacements there had been when the last lease was taken. */
  #replacements = 0

  constructor (parts: RedisLeasesParts) {
    this.#parts = parts
  }

  /** How long the lease of a node of ours lasts yet, in milliseconds; undefined if it holds none. */
  restOf (nodeId: string): number | undefined {
    const end = this.#ends.get(nodeId)
    return end === undefined ? undefined : end - this.#shard().clock.now()
  }

  async take (node: NodeInfo, report: NodeReport): Promise<void> {
    const { replacements } = this.#parts.shards
    await this.#lease('take', node, report)
    this.#replacements = replacements
  }

  async renew (node: NodeInfo, report: NodeReport): Promise<Renewal> {
    // Entries of this node may be gone that lay elsewhere than its lease does.
    if (this.#replacements !== this.#parts.shards.replacements) {
      this.#ends.delete(node.nodeId)
      return { status: 'lost' }
    }
    try {
      return await this.#lease('renew', node, report)
    } catch (error) {
      // A half-open link looks like this; a new connection is the cure.
      if (error instanceof RoomcastError && isTimeout(error.cause)) this.#shard().publisher.disconnect(true)
      throw error
    }
  }

  async release ({ nodeId }: NodeInfo, graceMs: number): Promise<void> {
    const { keys } = this.#parts
    this.#ends.delete(nodeId)
    const holder = JSON.stringify({ isLeaving: true } satisfies Holder)
    await call(this.#parts, keys.leases(), (publisher, { notAfter }) => publisher.roomcastRelease(
      keys.leases(), keys.leasesSince(), keys.leaseHolders(), keys.claims(), notAfter, nodeId, graceMs, holder))
    if (graceMs === 0) await call(this.#parts, keys.nodeIndex(nodeId), publisher => publisher.del(keys.nodeIndex(nodeId)))
  }

  async bury (nodeId: string): Promise<void> {
    const { keys } = this.#parts
    await call(this.#parts, keys.leases(), (publisher, { notAfter }) => publisher.roomcastBury(keys.leaseHolders(), keys.claims(), notAfter, nodeId))
  }

  async nodes (): Promise<KnownNodes> {
    const { keys } = this.#parts
    const [live, seen] = await call(this.#parts, keys.leases(), publisher => publisher.roomcastNodes(keys.leases(), keys.leaseHolders()))
    const seenAt = new Map<string, number>()
    for (let i = 0; i + 1 < seen.length; i += 2) seenAt.set(String(seen[i]), Number(seen[i + 1]))
    return { live: new Set(live), seenAt }
  }

  /** The live nodes, with what each told last, but those that have ended and are in their grace. */
  async liveNodes (): Promise<NodeStatus[]> {
    const { keys } = this.#parts
    const flat = await call(this.#parts, keys.leases(), publisher => publisher.roomcastLiveNodes(keys.leases(), keys.leaseHolders()))
    const nodes: NodeStatus[] = []
    for (let i = 0; i + 2 < flat.length; i += 3) {
      const [nodeId = '', ends, holder = ''] = flat.slice(i, i + 3)
      const told = JSON.parse(holder.slice(holder.indexOf('{'))) as Holder
      if (told.isLeaving !== true) nodes.push({ nodeId, ...told, leaseEndsAt: Number(ends) })
    }
    return nodes
  }

  async #lease (mode: 'take' | 'renew', { nodeId, nodeName }: NodeInfo, report: NodeReport): Promise<Renewal> {
    const { keys, leaseMs } = this.#parts
    const reply = await call(this.#parts, keys.leases(), (publisher, { notAfter, runId }) => publisher.roomcastLease(
      keys.leases(), keys.leasesSince(), keys.leaseHolders(), keys.claims(),
      notAfter, mode, nodeId, leaseMs, JSON.stringify({ nodeName, ...report } satisfies Holder), this.#ends.get(nodeId) ?? 0, RETENTION_MS, CLAIM_AFTER_MS, runId
    ))
    this.#shard().clock.observe(reply[1])
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

  /** Who has the leases, by whose clock they last. */
  #shard (): Shard {
    return this.#parts.shards.of(this.#parts.keys.leases())
  }
}
