import { RoomcastError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { NodeInfo, PresenceRecord, PresenceRecordRef, PresenceStore, Renewal } from '../core/presence-store.ts'
import type { RedisClock } from './redis-clock.ts'
import { isTimeout, run } from './redis-errors.ts'
import { RETENTION_MS, type RedisKeys } from './redis-keys.ts'
import type { Publisher } from './redis-scripts.ts'

export interface RedisPresenceParts {
  readonly publisher: Publisher
  readonly keys: RedisKeys
  readonly clock: RedisClock
  readonly leaseMs: number
  /** How long a call may take. */
  readonly timeoutMs: number
  readonly log: Logger
}

/**
 * The presence store of many nodes. A node's index, a user's connections and the leases lie in different hash slots: adding
 * writes the index first and removing clears it last, so that whatever exists is found by the index.
 */
export class RedisPresence implements PresenceStore {
  readonly #parts: RedisPresenceParts
  /** When the leases taken through this store end, on Redis' clock. */
  readonly #leaseEnds = new Map<string, number>()
  #isClosed = false

  constructor (parts: RedisPresenceParts) {
    this.#parts = parts
  }

  async takeLease (node: NodeInfo): Promise<void> {
    await this.#lease('take', node)
  }

  async renewLease (node: NodeInfo): Promise<Renewal> {
    try {
      return await this.#lease('renew', node)
    } catch (error) {
      // A half-open link looks like this; a new connection is the cure.
      if (error instanceof RoomcastError && isTimeout(error.cause)) this.#parts.publisher.disconnect(true)
      throw error
    }
  }

  async releaseLease (nodeId: string): Promise<void> {
    if (this.#isClosed) throw new RoomcastError('unavailable')
    const { publisher, keys } = this.#parts
    this.#leaseEnds.delete(nodeId)
    // Its scripts answer nothing, which `run` would take for a missed deadline.
    await run(publisher, async () => {
      await Promise.all([publisher.roomcastRelease(keys.leases(), keys.leaseHolders(), nodeId), publisher.del(keys.nodeIndex(nodeId))])
      return true
    })
  }

  async register (record: PresenceRecord): Promise<void> {
    const { publisher, keys } = this.#parts
    const { connectionId, userId, nodeId, ...rest } = record
    await this.#write(nodeId, notAfter =>
      publisher.roomcastRegister(keys.nodeIndex(nodeId), notAfter, connectionId, userId, RETENTION_MS))
    await this.#write(nodeId, notAfter =>
      publisher.roomcastRegister(keys.userConnections(userId), notAfter, connectionId, `${nodeId} ${JSON.stringify(rest)}`, RETENTION_MS))
  }

  async remove ({ connectionId, userId, nodeId }: PresenceRecordRef): Promise<void> {
    const { publisher, keys, clock, timeoutMs } = this.#parts
    const notAfter = Math.floor(clock.now() + timeoutMs)
    await this.#run(() => publisher.roomcastRemove(keys.userConnections(userId), notAfter, connectionId, nodeId))
    await this.#run(() => publisher.hdel(keys.nodeIndex(nodeId), connectionId))
  }

  async connections (userId: string): Promise<PresenceRecord[]> {
    const { publisher, keys } = this.#parts
    const [entries, liveNodes] = await this.#run(() => Promise.all([
      publisher.hgetall(keys.userConnections(userId)), publisher.roomcastLiveNodes(keys.leases())
    ]))
    const live = new Set(liveNodes)
    return Object.entries(entries)
      .map(([connectionId, entry]) => parseEntry(userId, connectionId, entry))
      .filter(({ nodeId }) => live.has(nodeId))
      .sort((a, b) => a.connectedAt - b.connectedAt)
  }

  async close (): Promise<void> {
    this.#isClosed = true
  }

  async #lease (mode: 'take' | 'renew', { nodeId, nodeName }: NodeInfo): Promise<Renewal> {
    const { publisher, keys, clock, leaseMs, timeoutMs } = this.#parts
    const notAfter = Math.floor(clock.now() + timeoutMs)
    const [status, now, ends] = await this.#run(() => publisher.roomcastLease(
      keys.leases(), keys.leaseHolders(), notAfter, mode, nodeId, leaseMs, JSON.stringify({ nodeName }), RETENTION_MS
    ))
    clock.observe(now)
    if (status === 'late') throw new RoomcastError('unavailable')
    if (status === 'held') this.#leaseEnds.set(nodeId, ends)
    else this.#leaseEnds.delete(nodeId)
    return status
  }

  /** Writes for an owner, while its lease lasts and no later than this call may take. */
  #write (nodeId: string, command: (notAfter: number) => Promise<1 | null>): Promise<1> {
    const { clock, timeoutMs } = this.#parts
    const leaseEnd = this.#leaseEnds.get(nodeId)
    if (leaseEnd === undefined) return Promise.reject(new RoomcastError('unavailable'))
    return this.#run(() => command(Math.floor(Math.min(leaseEnd, clock.now() + timeoutMs))))
  }

  #run<Reply> (command: () => Promise<Reply | null>): Promise<Reply> {
    if (this.#isClosed) return Promise.reject(new RoomcastError('unavailable'))
    return run(this.#parts.publisher, command)
  }
}

function parseEntry (userId: string, connectionId: string, entry: string): PresenceRecord {
  const space = entry.indexOf(' ')
  const rest = JSON.parse(entry.slice(space + 1)) as Omit<PresenceRecord, 'connectionId' | 'userId' | 'nodeId'>
  return { connectionId, userId, nodeId: entry.slice(0, space), ...rest }
}
