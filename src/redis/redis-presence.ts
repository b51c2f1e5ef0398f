import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import { connectionKeyOf, entryFromKey, entryKeyOf, type PresenceEntry } from '../core/presence-entry.ts'
import { tooManyConnections, type ConnectionLimit } from '../core/presence-limit.ts'
import type {
  MembersPage, MembersSnapshot, NodeInfo, NodeReport, NodeStatus, PresenceRecord, PresenceStore, Renewal, UserPresence
} from '../core/presence-store.ts'
import { occupancyOf, parseMembers, recordOf, userPresence, type ConnectionEntry } from './presence-records.ts'
import { call, type CallParts, type CallTerms, type Command } from './redis-calls.ts'
import { RETENTION_MS, SEEN_RETENTION_MS, type RedisKeys } from './redis-keys.ts'
import { RecentRemovals } from './recent-removals.ts'
import { RedisLeases, type KnownNodes } from './redis-leases.ts'
import { RedisRoomList } from './redis-room-list.ts'
import type { Publisher } from './redis-scripts.ts'
import { TurnBatches } from './turn-batches.ts'

export interface RedisPresenceParts extends CallParts {
  readonly keys: RedisKeys
  readonly leaseMs: number
}

/** How many entries of a node are read, written or removed at a time. */
const ENTRIES_PER_STEP = 500

/**
 * The presence store of many nodes. A node's index, a room, a user, the rooms and the leases lie in different hash slots: adding writes
 * the index first and removing clears it last, so that whatever exists is found by the index.
 */
export class RedisPresence implements PresenceStore {
  readonly #parts: RedisPresenceParts
  readonly #leases: RedisLeases
  readonly #roomList: RedisRoomList
  /** Of nodes' indices: each connection adds an entry or more, all of them under one key. */
  readonly #additions: TurnBatches<readonly [entryKey: string, userId: string]>
  readonly #removals: TurnBatches<string>
  /** When nodes that this one sweeps were last seen. */
  readonly #deadSeenAt = new Map<string, number>()
  readonly #recentRemovals = new RecentRemovals({ remove: (nodeId, entry) => this.#remove(nodeId, entry) })
  #isClosed = false

  constructor (parts: RedisPresenceParts) {
    this.#parts = parts
    this.#leases = new RedisLeases(parts)
    this.#roomList = new RedisRoomList(parts)
    const { keys, shards } = parts
    shards.listen({ onReplaced: () => { this.#recentRemovals.repeat() } })
    this.#additions = new TurnBatches({
      most: ENTRIES_PER_STEP,
      send: (nodeId, entries) => this.#write(nodeId, keys.nodeIndex(nodeId), (publisher, { notAfter }) =>
        publisher.roomcastRegister(keys.nodeIndex(nodeId), notAfter, RETENTION_MS, ...entries.flat()))
    })
    this.#removals = new TurnBatches({
      most: ENTRIES_PER_STEP,
      send: (nodeId, entryKeys) => this.#call(keys.nodeIndex(nodeId), publisher => publisher.hdel(keys.nodeIndex(nodeId), ...entryKeys))
    })
  }

  async takeLease (node: NodeInfo, report: NodeReport): Promise<void> {
    this.#assertOpen()
    await this.#leases.take(node, report)
  }

  async renewLease (node: NodeInfo, report: NodeReport): Promise<Renewal> {
    this.#assertOpen()
    return this.#leases.renew(node, report)
  }

  async releaseLease (node: NodeInfo, graceMs: number): Promise<void> {
    this.#assertOpen()
    await this.#leases.release(node, graceMs)
  }

  async register ({ nodeId, nodeName }: NodeInfo, entry: PresenceEntry, limit?: ConnectionLimit): Promise<number> {
    this.#recentRemovals.forget(nodeId, entry)
    const userId = entry.kind === 'room' ? '' : entry.userId
    await this.#additions.add(nodeId, [entryKeyOf(entry), userId])
    if (entry.kind === 'connection' && limit !== undefined) return this.#registerWithin(limit, { nodeId, nodeName }, entry)
    const key = this.#keyOf(entry)
    return this.#write<number>(nodeId, key, (publisher, terms) => {
      const { notAfter } = terms
      switch (entry.kind) {
        case 'connection': return publisher.roomcastRegister(key, notAfter, RETENTION_MS, entry.connectionId, recordOf({ nodeId, nodeName }, entry))
        case 'member': return this.#move('roomcastEnter', publisher, nodeId, entry, terms)
        case 'room': return publisher.roomcastRegisterRoom(key, notAfter, RedisRoomList.member(entry.room, nodeId), RETENTION_MS)
        default: return entry satisfies never
      }
    })
  }

  async remove (nodeId: string, entry: PresenceEntry): Promise<void> {
    await this.#remove(nodeId, entry)
    if (this.#parts.shards.areMany) this.#recentRemovals.add(nodeId, entry)
    await this.#removals.add(nodeId, entryKeyOf(entry))
  }

  async #remove (nodeId: string, entry: PresenceEntry): Promise<void> {
    const key = this.#keyOf(entry)
    await this.#call<unknown>(key, (publisher, terms) => {
      switch (entry.kind) {
        case 'connection': return publisher.roomcastRemove(
          key, this.#parts.keys.userSeen(entry.userId),
          terms.notAfter, entry.connectionId, nodeId, this.#deadSeenAt.get(nodeId) ?? '', SEEN_RETENTION_MS)
        case 'member': return this.#move('roomcastLeave', publisher, nodeId, entry, terms)
        case 'room': return publisher.zrem(key, RedisRoomList.member(entry.room, nodeId))
        default: return entry satisfies never
      }
    })
  }

  async entriesOf (nodeId: string): Promise<PresenceEntry[]> {
    const key = this.#parts.keys.nodeIndex(nodeId)
    if (!this.#deadSeenAt.has(nodeId)) {
      const { seenAt } = await this.#known()
      this.#deadSeenAt.set(nodeId, seenAt.get(nodeId) ?? 0)
    }
    // Not HSCAN: its first step may find nothing while there is something, once much was removed.
    const fields = (await this.#call(key, publisher => publisher.hrandfield(key, ENTRIES_PER_STEP, 'WITHVALUES')) as unknown[]).flat()
    const entries: PresenceEntry[] = []
    for (let i = 0; i + 1 < fields.length; i += 2) entries.push(entryFromKey(String(fields[i]), String(fields[i + 1])))
    return entries
  }

  async bury (nodeId: string): Promise<void> {
    this.#assertOpen()
    await this.#leases.bury(nodeId)
    this.#deadSeenAt.delete(nodeId)
  }

  async users (userIds: readonly string[]): Promise<UserPresence[]> {
    const { keys } = this.#parts
    const [nodes, answers] = await Promise.all([
      this.#known(),
      Promise.all(userIds.map(userId => Promise.all([
        this.#call(keys.userConnections(userId), async publisher => publisher.hgetall(keys.userConnections(userId))),
        this.#call(keys.userSeen(userId), async publisher => await publisher.get(keys.userSeen(userId)) ?? '0')
      ])))
    ])
    return answers.map(([entries, seen], index) => userPresence(userIds[index] ?? '', entries, Number(seen), nodes))
  }

  async connection (connectionId: string): Promise<PresenceRecord | undefined> {
    const { live } = await this.#known()
    const field = connectionKeyOf(connectionId)
    const indices = Array.from(live, nodeId => this.#parts.keys.nodeIndex(nodeId))
    const found = await Promise.all(indices.map(index => this.#call(index, async publisher => ({ userId: await publisher.hget(index, field) }))))
    const userId = found.find(one => one.userId !== null)?.userId
    if (userId === undefined || userId === null) return undefined
    const [user] = await this.users([userId])
    return user?.connections.find(record => record.connectionId === connectionId)
  }

  members (room: string): Promise<MembersSnapshot> { return this.#members(room, '', '') }

  async membersPage (room: string, after: string, limit: number): Promise<MembersPage> {
    const { members, ...version } = await this.#members(room, limit + 1, after)
    const page = members.slice(0, limit)
    return { ...version, members: page, next: members.length > limit ? page.at(-1)?.userId ?? null : null }
  }

  async occupancy (room: string): Promise<{ connections: number, members: number }> {
    const key = this.#parts.keys.roomConnections(room)
    const [{ live }, records] = await Promise.all([this.#known(), this.#call(key, publisher => publisher.hvals(key))])
    return occupancyOf(records, live)
  }

  async rooms (prefix: string, after: string, limit: number): Promise<{ rooms: string[], next: string | null }> {
    return this.#roomList.page(prefix, after, limit, this.#known().then(({ live }) => live))
  }

  async nodes (): Promise<NodeStatus[]> {
    this.#assertOpen()
    return this.#leases.liveNodes()
  }

  async close (): Promise<void> {
    this.#isClosed = true
    this.#recentRemovals.stop()
  }

  /** Nodes that died and are not swept yet still have entries: it is asked again without those. */
  async #registerWithin ({ most, resumedId = '' }: ConnectionLimit, node: NodeInfo, entry: ConnectionEntry): Promise<number> {
    const { connectionId } = entry
    const key = this.#keyOf(entry)
    const record = recordOf(node, entry)
    const dead = new Set<string>()
    for (;;) {
      const outcome = await this.#write(node.nodeId, key, (publisher, { notAfter }) => publisher.roomcastRegisterWithin(
        key, notAfter, RETENTION_MS, connectionId, record, most, resumedId, ...dead))
      if (typeof outcome === 'number') return outcome
      const { live } = await this.#known()
      const gone = outcome.filter(owner => !live.has(owner))
      if (gone.length === 0) throw tooManyConnections(most)
      for (const owner of gone) dead.add(owner)
    }
  }

  #move (
    command: 'roomcastEnter' | 'roomcastLeave', publisher: Publisher, nodeId: string, entry: Extract<PresenceEntry, { kind: 'member' }>, { notAfter, runId }: CallTerms
  ): Promise<number | null> {
    const { keys } = this.#parts
    const { room, connectionId, userId, info } = entry
    return publisher[command](
      keys.roomConnections(room), keys.roomMembers(room), keys.roomOrder(room), keys.roomVersion(room),
      notAfter, connectionId, nodeId, userId, JSON.stringify(info), createId(), RETENTION_MS, keys.roomChannel(room), runId
    )
  }

  async #members (room: string, limit: number | '', after: string): Promise<MembersSnapshot> {
    const { keys } = this.#parts
    const [epoch, version, flat] = await this.#call(keys.roomMembers(room), (publisher, { notAfter, runId }) => publisher.roomcastMembers(
      keys.roomMembers(room), keys.roomOrder(room), keys.roomVersion(room), notAfter, createId(), RETENTION_MS, limit, after, runId))
    return { epoch, version, members: parseMembers(flat) }
  }

  #known (): Promise<KnownNodes> {
    if (this.#isClosed) return Promise.reject(new RoomcastError('unavailable'))
    return this.#leases.nodes()
  }

  /** The first of the keys that an entry is written to, which share a slot. */
  #keyOf (entry: PresenceEntry): string {
    const { keys } = this.#parts
    switch (entry.kind) {
      case 'connection': return keys.userConnections(entry.userId)
      case 'member': return keys.roomConnections(entry.room)
      case 'room': return keys.rooms()
      default: return entry satisfies never
    }
  }

  /** Writes for an owner, while its lease lasts and no later than this call may take. */
  async #write<Reply> (nodeId: string, key: string, command: Command<Reply>): Promise<Reply> {
    const leaseRestMs = this.#leases.restOf(nodeId)
    if (leaseRestMs === undefined) throw new RoomcastError('unavailable')
    const asked = performance.now()
    return this.#call(key, (publisher, terms) => {
      const leaseEnd = terms.now + leaseRestMs - (performance.now() - asked)
      return command(publisher, { ...terms, notAfter: Math.min(terms.notAfter, Math.floor(leaseEnd)) })
    })
  }

  #call<Reply> (key: string, command: Command<Reply>): Promise<Reply> {
    return this.#isClosed ? Promise.reject(new RoomcastError('unavailable')) : call(this.#parts, key, command)
  }

  #assertOpen (): void {
    if (this.#isClosed) throw new RoomcastError('unavailable')
  }
}
