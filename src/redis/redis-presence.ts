import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import { entryFromKey, entryKeyOf, type PresenceEntry } from '../core/presence-entry.ts'
import { tooManyConnections, type ConnectionLimit } from '../core/presence-limit.ts'
import type {
  Member, MembersPage, MembersSnapshot, NodeInfo, PresenceRecord, PresenceStore, Renewal, UserPresence
} from '../core/presence-store.ts'
import { call, type CallParts, type CallTerms } from './redis-calls.ts'
import { RETENTION_MS, SEEN_RETENTION_MS, type RedisKeys } from './redis-keys.ts'
import { RedisLeases, type KnownNodes } from './redis-leases.ts'
import { RedisRoomList } from './redis-room-list.ts'
import { TurnBatches } from './turn-batches.ts'

export interface RedisPresenceParts extends CallParts {
  readonly keys: RedisKeys
  readonly leaseMs: number
}

type ConnectionEntry = Extract<PresenceEntry, { kind: 'connection' }>

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
  #isClosed = false

  constructor (parts: RedisPresenceParts) {
    this.#parts = parts
    this.#leases = new RedisLeases(parts)
    this.#roomList = new RedisRoomList(parts)
    const { publisher, keys } = parts
    this.#additions = new TurnBatches({
      most: ENTRIES_PER_STEP,
      send: (nodeId, entries) => this.#write(nodeId, ({ notAfter }) =>
        publisher.roomcastRegister(keys.nodeIndex(nodeId), notAfter, RETENTION_MS, ...entries.flat()))
    })
    this.#removals = new TurnBatches({
      most: ENTRIES_PER_STEP,
      send: (nodeId, entryKeys) => this.#call(() => publisher.hdel(keys.nodeIndex(nodeId), ...entryKeys))
    })
  }

  async takeLease (node: NodeInfo): Promise<void> {
    this.#assertOpen()
    await this.#leases.take(node)
  }

  async renewLease (node: NodeInfo): Promise<Renewal> {
    this.#assertOpen()
    return this.#leases.renew(node)
  }

  async releaseLease (node: NodeInfo, graceMs: number): Promise<void> {
    this.#assertOpen()
    await this.#leases.release(node, graceMs)
  }

  async register ({ nodeId, nodeName }: NodeInfo, entry: PresenceEntry, limit?: ConnectionLimit): Promise<void> {
    const { publisher, keys } = this.#parts
    const userId = entry.kind === 'room' ? '' : entry.userId
    await this.#additions.add(nodeId, [entryKeyOf(entry), userId])
    if (entry.kind === 'connection' && limit !== undefined) return this.#registerWithin(limit, { nodeId, nodeName }, entry)
    await this.#write(nodeId, terms => {
      const { notAfter } = terms
      switch (entry.kind) {
        case 'connection': {
          const { connectionId } = entry
          return publisher.roomcastRegister(keys.userConnections(userId), notAfter, RETENTION_MS, connectionId, recordOf({ nodeId, nodeName }, entry))
        }
        case 'member': return this.#move('roomcastEnter', nodeId, entry, terms)
        case 'room': return publisher.roomcastRegisterRoom(keys.rooms(), notAfter, RedisRoomList.member(entry.room, nodeId), RETENTION_MS)
        default: return entry satisfies never
      }
    })
  }

  async remove (nodeId: string, entry: PresenceEntry): Promise<void> {
    const { publisher, keys } = this.#parts
    await this.#call(terms => {
      const { notAfter } = terms
      switch (entry.kind) {
        case 'connection': return publisher.roomcastRemove(
          keys.userConnections(entry.userId), keys.userSeen(entry.userId),
          notAfter, entry.connectionId, nodeId, this.#deadSeenAt.get(nodeId) ?? '', SEEN_RETENTION_MS)
        case 'member': return this.#move('roomcastLeave', nodeId, entry, terms)
        case 'room': return publisher.zrem(keys.rooms(), RedisRoomList.member(entry.room, nodeId))
        default: return entry satisfies never
      }
    })
    await this.#removals.add(nodeId, entryKeyOf(entry))
  }

  async entriesOf (nodeId: string): Promise<PresenceEntry[]> {
    const { publisher, keys } = this.#parts
    if (!this.#deadSeenAt.has(nodeId)) {
      const { seenAt } = await this.#nodes()
      this.#deadSeenAt.set(nodeId, seenAt.get(nodeId) ?? 0)
    }
    // Not HSCAN: its first step may find nothing while there is something, once much was removed.
    const fields = (await this.#call(() => publisher.hrandfield(keys.nodeIndex(nodeId), ENTRIES_PER_STEP, 'WITHVALUES')) as unknown[]).flat()
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
    const { publisher, keys } = this.#parts
    const [nodes, answers] = await Promise.all([
      this.#nodes(),
      Promise.all(userIds.map(userId => this.#call(() => Promise.all([
        publisher.hgetall(keys.userConnections(userId)), publisher.get(keys.userSeen(userId))
      ]))))
    ])
    return answers.map(([entries, seen], index) => userPresence(userIds[index] ?? '', entries, Number(seen ?? 0), nodes))
  }

  async members (room: string): Promise<MembersSnapshot> {
    return this.#members(room, '', '')
  }

  async membersPage (room: string, after: string, limit: number): Promise<MembersPage> {
    const { members, ...version } = await this.#members(room, limit + 1, after)
    const page = members.slice(0, limit)
    return { ...version, members: page, next: members.length > limit ? page.at(-1)?.userId ?? null : null }
  }

  async occupancy (room: string): Promise<{ connections: number, members: number }> {
    const { publisher, keys } = this.#parts
    const [{ live }, records] = await Promise.all([this.#nodes(), this.#call(() => publisher.hvals(keys.roomConnections(room)))])
    const users = records.filter(record => live.has(ownerOf(record))).map(record => record.slice(record.indexOf(' ') + 1))
    return { connections: users.length, members: new Set(users).size }
  }

  async rooms (prefix: string, after: string, limit: number): Promise<{ rooms: string[], next: string | null }> {
    return this.#roomList.page(prefix, after, limit, this.#nodes().then(({ live }) => live))
  }

  async close (): Promise<void> {
    this.#isClosed = true
  }

  /** Nodes that died and are not swept yet still have entries: it is asked again without those. */
  async #registerWithin ({ most, resumedId = '' }: ConnectionLimit, node: NodeInfo, entry: ConnectionEntry): Promise<void> {
    const { publisher, keys } = this.#parts
    const { userId, connectionId } = entry
    const record = recordOf(node, entry)
    const dead = new Set<string>()
    for (;;) {
      const owners = await this.#write(node.nodeId, ({ notAfter }) => publisher.roomcastRegisterWithin(
        keys.userConnections(userId), notAfter, RETENTION_MS, connectionId, record, most, resumedId, ...dead))
      if (owners.length === 0) return
      const { live } = await this.#nodes()
      const gone = owners.filter(owner => !live.has(owner))
      if (gone.length === 0) throw tooManyConnections(most)
      for (const owner of gone) dead.add(owner)
    }
  }

  #move (
    command: 'roomcastEnter' | 'roomcastLeave', nodeId: string, entry: Extract<PresenceEntry, { kind: 'member' }>, { notAfter, runId }: CallTerms
  ): Promise<1 | null> {
    const { publisher, keys } = this.#parts
    const { room, connectionId, userId, info } = entry
    return publisher[command](
      keys.roomConnections(room), keys.roomMembers(room), keys.roomOrder(room), keys.roomVersion(room),
      notAfter, connectionId, nodeId, userId, JSON.stringify(info), createId(), RETENTION_MS, keys.roomChannel(room), runId
    )
  }

  async #members (room: string, limit: number | '', after: string): Promise<MembersSnapshot> {
    const { publisher, keys } = this.#parts
    const [epoch, version, flat] = await this.#call(({ notAfter, runId }) => publisher.roomcastMembers(
      keys.roomMembers(room), keys.roomOrder(room), keys.roomVersion(room), notAfter, createId(), RETENTION_MS, limit, after, runId))
    return { epoch, version, members: parseMembers(flat) }
  }

  #nodes (): Promise<KnownNodes> {
    if (this.#isClosed) return Promise.reject(new RoomcastError('unavailable'))
    return this.#leases.nodes()
  }

  /** Writes for an owner, while its lease lasts and no later than this call may take. */
  async #write<Reply> (nodeId: string, command: (terms: CallTerms) => Promise<Reply | null>): Promise<Reply> {
    const leaseEnd = this.#leases.endOf(nodeId)
    if (leaseEnd === undefined) throw new RoomcastError('unavailable')
    return this.#call(({ notAfter, runId }) => command({ notAfter: Math.min(notAfter, leaseEnd), runId }))
  }

  #call<Reply> (command: (terms: CallTerms) => Promise<Reply | null>): Promise<Reply> {
    return this.#isClosed ? Promise.reject(new RoomcastError('unavailable')) : call(this.#parts, command)
  }

  #assertOpen (): void {
    if (this.#isClosed) throw new RoomcastError('unavailable')
  }
}

function ownerOf (record: string): string {
  return record.slice(0, record.indexOf(' '))
}

function recordOf ({ nodeId, nodeName }: NodeInfo, { connectedAt, transport, info }: ConnectionEntry): string {
  return `${nodeId} ${JSON.stringify({ nodeName, connectedAt, transport, info })}`
}

function userPresence (userId: string, entries: Record<string, string>, seen: number, { live, seenAt }: KnownNodes): UserPresence {
  const owners = Object.values(entries).map(ownerOf)
  const connections = Object.entries(entries)
    .filter(([, entry]) => live.has(ownerOf(entry)))
    .map(([connectionId, entry]): PresenceRecord => ({ connectionId, userId, nodeId: ownerOf(entry), ...parseRecord(entry) }))
    .sort((a, b) => a.connectedAt - b.connectedAt)
  const online = connections.length > 0
  const lastSeenAt = Math.max(seen, ...owners.map(owner => seenAt.get(owner) ?? 0))
  return { userId, online, connections, lastSeenAt: online || lastSeenAt === 0 ? null : lastSeenAt }
}

function parseRecord (entry: string): Omit<PresenceRecord, 'connectionId' | 'userId' | 'nodeId'> {
  return JSON.parse(entry.slice(entry.indexOf(' ') + 1)) as Omit<PresenceRecord, 'connectionId' | 'userId' | 'nodeId'>
}

function parseMembers (flat: readonly string[]): Member[] {
  const members: Member[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const value = String(flat[i + 1])
    members.push({ userId: String(flat[i]), info: JSON.parse(value.slice(value.indexOf(' ') + 1)) as unknown })
  }
  return members
}
