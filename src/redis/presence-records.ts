import type { PresenceEntry } from '../core/presence-entry.ts'
import type { Member, NodeInfo, PresenceRecord, UserPresence } from '../core/presence-store.ts'
import type { KnownNodes } from './redis-leases.ts'

export type ConnectionEntry = Extract<PresenceEntry, { kind: 'connection' }>

/** Which node vouches for what a record stands for. */
function ownerOf (record: string): string {
  return record.slice(0, record.indexOf(' '))
}

/** A connection of a user, as it is kept. */
export function recordOf ({ nodeId, nodeName }: NodeInfo, { connectedAt, transport, info }: ConnectionEntry): string {
  return `${nodeId} ${JSON.stringify({ nodeName, connectedAt, transport, info })}`
}

/** The answer about a user: `seen` is when the user was seen offline last, 0 if never. */
export function userPresence (userId: string, entries: Record<string, string>, seen: number, { live, seenAt }: KnownNodes): UserPresence {
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

/** Members of a room, from their ids and values in turn. */
export function parseMembers (flat: readonly string[]): Member[] {
  const members: Member[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const value = String(flat[i + 1])
    members.push({ userId: String(flat[i]), info: JSON.parse(value.slice(value.indexOf(' ') + 1)) as unknown })
  }
  return members
}

/** How many are in a room, of those whose node is live. */
export function occupancyOf (records: readonly string[], live: ReadonlySet<string>): { connections: number, members: number } {
  const users = records.filter(record => live.has(ownerOf(record))).map(record => record.slice(record.indexOf(' ') + 1))
  return { connections: users.length, members: new Set(users).size }
}
