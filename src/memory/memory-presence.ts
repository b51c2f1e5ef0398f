import { RoomcastError } from '../core/errors.ts'
import { connectionKeyOf, entryKeyOf, type PresenceEntry } from '../core/presence-entry.ts'
import { tooManyConnections, type ConnectionLimit } from '../core/presence-limit.ts'
import type {
  MemberEvent, MembersPage, MembersSnapshot, NodeInfo, NodeReport, NodeStatus, PresenceRecord, PresenceStore, Renewal, UserPresence
} from '../core/presence-store.ts'
import { MemoryLeases } from './memory-leases.ts'
import { MemoryMembers } from './memory-members.ts'

type ConnectionEntry = Extract<PresenceEntry, { kind: 'connection' }>

/** How long a user's last time online is kept, in milliseconds. */
const SEEN_RETENTION_MS = 30 * 24 * 60 * 60 * 1_000

export interface MemoryPresenceParts {
  readonly leaseMs: number
  /** Where joins and leaves go: through the broker, like publications. */
  readonly announce: (event: MemberEvent) => void
  readonly now?: () => number
}

/** The presence store of one process. It keeps leases and owners too: the same rules hold whatever the store. */
export class MemoryPresence implements PresenceStore {
  readonly #now: () => number
  readonly #leases: MemoryLeases
  readonly #members: MemoryMembers
  /** What each node vouches for. */
  readonly #index = new Map<string, Map<string, PresenceEntry>>()
  readonly #users = new Map<string, Map<string, { readonly node: NodeInfo, readonly entry: ConnectionEntry }>>()
  /** In the order in which they were seen, so that what is old enough to forget comes first. */
  readonly #seenAt = new Map<string, number>()
  #isClosed = false

  constructor ({ leaseMs, announce, now = Date.now }: MemoryPresenceParts) {
    this.#now = now
    this.#leases = new MemoryLeases({ leaseMs, now })
    this.#members = new MemoryMembers(announce)
  }

  async takeLease (node: NodeInfo, report: NodeReport): Promise<void> {
    this.#assertOpen()
    this.#leases.take(node, report)
  }

  async renewLease ({ nodeId }: NodeInfo, report: NodeReport): Promise<Renewal> {
    this.#assertOpen()
    return this.#leases.renew(nodeId, report)
  }

  async releaseLease ({ nodeId }: NodeInfo, graceMs: number): Promise<void> {
    this.#assertOpen()
    this.#leases.release(nodeId, graceMs)
  }

  async register (node: NodeInfo, entry: PresenceEntry, limit?: ConnectionLimit): Promise<number> {
    this.#assertOpen()
    const { nodeId } = node
    if (!this.#leases.mayWrite(nodeId)) throw new RoomcastError('unavailable')
    if (entry.kind === 'connection' && limit !== undefined) this.#assertLeft(entry, limit)
    mapAt(this.#index, nodeId).set(entryKeyOf(entry), entry)
    if (entry.kind === 'connection') mapAt(this.#users, entry.userId).set(entry.connectionId, { node, entry })
    if (entry.kind === 'member') this.#members.enter(nodeId, entry)
    return this.#now()
  }

  async remove (nodeId: string, entry: PresenceEntry): Promise<void> {
    this.#assertOpen()
    if (entry.kind === 'connection') this.#removeConnection(nodeId, entry)
    if (entry.kind === 'member') this.#members.leave(nodeId, entry)
    deleteAt(this.#index, nodeId, entryKeyOf(entry))
  }

  async entriesOf (nodeId: string): Promise<PresenceEntry[]> {
    this.#assertOpen()
    return [...this.#index.get(nodeId)?.values() ?? []]
  }

  async bury (nodeId: string): Promise<void> {
    this.#assertOpen()
    this.#leases.bury(nodeId)
  }

  async users (userIds: readonly string[]): Promise<UserPresence[]> {
    this.#assertOpen()
    return userIds.map(userId => this.#user(userId))
  }

  async connection (connectionId: string): Promise<PresenceRecord | undefined> {
    this.#assertOpen()
    const key = connectionKeyOf(connectionId)
    for (const entries of this.#index.values()) {
      const entry = entries.get(key)
      if (entry?.kind === 'connection') return this.#user(entry.userId).connections.find(record => record.connectionId === connectionId)
    }
    return undefined
  }

  async members (room: string): Promise<MembersSnapshot> {
    this.#assertOpen()
    return this.#members.snapshot(room)
  }

  async membersPage (room: string, after: string, limit: number): Promise<MembersPage> {
    this.#assertOpen()
    const { members, ...version } = this.#members.snapshot(room)
    const rest = members.filter(({ userId }) => compareBytes(userId, after) > 0).sort((a, b) => compareBytes(a.userId, b.userId))
    const page = rest.slice(0, limit)
    return { ...version, members: page, next: rest.length > limit ? page.at(-1)?.userId ?? null : null }
  }

  async occupancy (room: string): Promise<{ connections: number, members: number }> {
    this.#assertOpen()
    return this.#members.occupancy(room, nodeId => this.#leases.isLive(nodeId))
  }

  async rooms (prefix: string, after: string, limit: number): Promise<{ rooms: string[], next: string | null }> {
    this.#assertOpen()
    const inUse = [...this.#index]
      .filter(([nodeId]) => this.#leases.isLive(nodeId))
      .flatMap(([, entries]) => [...entries.values()].flatMap(entry => entry.kind === 'room' ? [entry.room] : []))
    const names = [...new Set(inUse)].filter(name => name.startsWith(prefix) && compareBytes(name, after) > 0).sort(compareBytes)
    const rooms = names.slice(0, limit)
    return { rooms, next: names.length > limit ? rooms.at(-1) ?? null : null }
  }

  async nodes (): Promise<NodeStatus[]> {
    this.#assertOpen()
    return this.#leases.live()
  }

  async close (): Promise<void> {
    this.#isClosed = true
  }

  #assertLeft ({ userId, connectionId }: ConnectionEntry, { most, resumedId }: ConnectionLimit): void {
    const others = this.#user(userId).connections.filter(other => ![connectionId, resumedId].includes(other.connectionId))
    if (others.length >= most) throw tooManyConnections(most)
  }

  #removeConnection (nodeId: string, { userId, connectionId }: ConnectionEntry): void {
    if (this.#users.get(userId)?.get(connectionId)?.node.nodeId !== nodeId) return
    deleteAt(this.#users, userId, connectionId)
    this.#see(userId, this.#leases.isLive(nodeId) ? this.#now() : this.#leases.seenAt(nodeId))
  }

  #see (userId: string, at: number): void {
    const seenAt = Math.max(at, this.#seenAt.get(userId) ?? 0)
    this.#seenAt.delete(userId)
    this.#seenAt.set(userId, seenAt)
    for (const [oldest, seen] of this.#seenAt) {
      if (this.#now() - seen < SEEN_RETENTION_MS) return
      this.#seenAt.delete(oldest)
    }
  }

  #user (userId: string): UserPresence {
    const all = [...this.#users.get(userId)?.values() ?? []]
    const connections = all.filter(({ node }) => this.#leases.isLive(node.nodeId)).map(({ node, entry }): PresenceRecord => {
      const { kind: _, ...connection } = entry
      return { ...connection, ...node }
    }).sort((a, b) => a.connectedAt - b.connectedAt)
    const lastSeenAt = Math.max(this.#seenAt.get(userId) ?? 0, ...all.map(({ node }) => this.#leases.seenAt(node.nodeId)))
    const online = connections.length > 0
    return { userId, online, connections, lastSeenAt: online || lastSeenAt === 0 ? null : lastSeenAt }
  }

  #assertOpen (): void {
    if (this.#isClosed) throw new RoomcastError('unavailable')
  }
}

function mapAt<Value> (maps: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  let map = maps.get(key)
  if (map === undefined) maps.set(key, map = new Map<string, Value>())
  return map
}

function deleteAt<Value> (maps: Map<string, Map<string, Value>>, outer: string, inner: string): void {
  const map = maps.get(outer)
  map?.delete(inner)
  if (map?.size === 0) maps.delete(outer)
}

/** As Redis orders: by the bytes of UTF-8. */
function compareBytes (a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
