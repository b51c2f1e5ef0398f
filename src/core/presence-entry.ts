/**
 * What a node vouches for, one of three kinds: that a connection is live, that it is a member of a room, or that the node has
 * connections in a room.
 */
export type PresenceEntry =
  | {
    readonly kind: 'connection'
    readonly connectionId: string
    readonly userId: string
    /** Milliseconds since 1970. */
    readonly connectedAt: number
    readonly transport: string
    readonly info: unknown
  }
  | {
    readonly kind: 'member'
    readonly connectionId: string
    readonly userId: string
    readonly room: string
    readonly info: unknown
  }
  | { readonly kind: 'room', readonly room: string }

/** Something of which a node keeps an entry in the store for as long as it is wanted. */
export interface Vouched {
  /** Names the entry among those of its node. */
  readonly entryKey: string
  readonly isWanted: boolean
  /** When the entry was last written, in milliseconds since 1970; 0 before it is for the first time. */
  assertedAt: number
  entry: () => PresenceEntry
}

/** The key of an entry: a letter for its kind, then what tells it apart. Connection ids hold no spaces. */
export function entryKeyOf (entry: PresenceEntry): string {
  switch (entry.kind) {
    case 'connection': return connectionKeyOf(entry.connectionId)
    case 'member': return `m ${entry.connectionId} ${entry.room}`
    case 'room': return `r ${entry.room}`
    default: return entry satisfies never
  }
}

/** The key of a connection's entry. */
export function connectionKeyOf (connectionId: string): string {
  return `c ${connectionId}`
}

/** What it takes to remove an entry, from its key and the user id that is kept beside it. */
export function entryFromKey (key: string, userId: string): PresenceEntry {
  const kind = key[0]
  const rest = key.slice(2)
  if (kind === 'r') return { kind: 'room', room: rest }
  const space = rest.indexOf(' ')
  if (kind === 'm') return { kind: 'member', connectionId: rest.slice(0, space), userId, room: rest.slice(space + 1), info: null }
  return { kind: 'connection', connectionId: rest, userId, connectedAt: 0, transport: '', info: null }
}
