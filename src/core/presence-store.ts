import type { PresenceEntry } from './presence-entry.ts'
import type { ConnectionLimit } from './presence-limit.ts'

/** A node as others see it. */
export interface NodeInfo {
  /** New at each start and after each lost lease. */
  readonly nodeId: string
  /** For people; stays the same over restarts. */
  readonly nodeName: string
}

/** What a node tells about itself with its lease. */
export interface NodeReport {
  /** Of Roomcast. */
  readonly version: string
  /** When its process began, on the node's own clock, in milliseconds since 1970. */
  readonly startedAt: number
  readonly connections: number
  /** Rooms that its connections are in, without the reserved ones. */
  readonly rooms: number
}

/** A live node, in an answer. */
export interface NodeStatus extends NodeInfo, NodeReport {
  /** On the store's clock, in milliseconds since 1970. */
  readonly leaseEndsAt: number
}

/** A live connection, in an answer. */
export interface PresenceRecord extends NodeInfo {
  readonly connectionId: string
  readonly userId: string
  /** Milliseconds since 1970. */
  readonly connectedAt: number
  /** Name of the transport, such as `websocket`. */
  readonly transport: string
  /** What the user's token shows to others; JSON. */
  readonly info: unknown
}

/** The answer about one user. */
export interface UserPresence {
  readonly userId: string
  readonly online: boolean
  /** Oldest first. */
  readonly connections: readonly PresenceRecord[]
  /** When the user was last online, in milliseconds since 1970; null while online, and if not seen for 30 days. */
  readonly lastSeenAt: number | null
}

/** One user in a room, however many connections. */
export interface Member {
  readonly userId: string
  readonly info: unknown
}

/** How far the joins and leaves of a room have got: +1 for each, under an epoch that changes when the counting was lost. */
export interface MembersVersion {
  readonly epoch: string
  readonly version: number
}

/** The members of a room at a version: exactly what the joins and leaves up to it made. */
export interface MembersSnapshot extends MembersVersion {
  readonly members: readonly Member[]
}

/** A part of the members, in the order of their user ids. `next` is the user id to go on after; null at the end. */
export interface MembersPage extends MembersSnapshot {
  readonly next: string | null
}

/** A user's first connection entered a room, or the last left. */
export interface MemberEvent extends MembersVersion {
  readonly type: 'join' | 'leave'
  readonly room: string
  readonly member: Member
}

/** What a renewal came to: the lease is held, and these dead nodes are this node's to sweep; or it is gone for good. */
export type Renewal =
  | { readonly status: 'held', readonly claimed: readonly string[] }
  | { readonly status: 'lost' }

/**
 * The port that keeps who is online, and the leases by which nodes vouch for what they wrote.
 *
 * **Truth.** A connection is online if an entry of it exists and the lease of the entry's owner (`nodeId`) has not ended, on the
 * store's one clock. So a node that died is silent proof: nobody has to clean up for the answers about users to be right.
 *
 * **Ownership.** `register` overwrites the owner; `remove` names the owner, and does nothing if the entry has another. So an old
 * connection's end never removes what a newer registration wrote, and doing anything twice is doing it once.
 *
 * **Members.** A user joins a room at the first entry of kind `member`, and leaves at the last, whichever nodes wrote them; each
 * join and leave happens exactly once, gets the next version, and reaches every node that is subscribed to the room through the broker.
 * What the versioned answers say is what those events made, and is never filtered by leases.
 *
 * **Death.** An expired lease may be renewed until somebody claims its node. A renewal claims nodes whose leases ended a second ago,
 * if the claiming node's own lease was unbroken for one full length: so a pause of the store, in which all leases end, kills nobody.
 * Claims of a claimer that died itself are taken over. Who claimed a node removes its entries by `remove`, then buries it.
 *
 * **Refusal.** A write for an owner without a lease is refused with `unavailable`; so nothing is written after a node's end was
 * noticed. No call stays pending for longer than the store's time limit, and what was refused never happens later.
 *
 * **Cost.** Renewing a lease costs the same with ten connections as with a hundred thousand. Each question takes one round trip, but for that about a single connection.
 *
 * Every method may reject with RoomcastError `unavailable` or, where it writes, `outcome_unknown`.
 */
export interface PresenceStore {
  /** Takes the lease of a node that starts. */
  takeLease: (node: NodeInfo, report: NodeReport) => Promise<void>

  /**
   * Renews a lease for its full length from now on, and takes what the node tells now for what it told before. The lease is `lost` if it is
   * gone, or if the store remembers an older state of it than it once told: then the store is not what it was, and everything must be written
   * again under a new name.
   */
  renewLease: (node: NodeInfo, report: NodeReport) => Promise<Renewal>

  /**
   * Ends a node. Without a grace it is gone from now on; its entries must be removed before. With one, what it vouched for
   * stays for that long, and then ends as if the node had died.
   */
  releaseLease: (node: NodeInfo, graceMs: number) => Promise<void>

  /**
   * Writes an entry for an owner, or overwrites its owner. With a limit a connection is refused with `limit_exceeded` where its user has as
   * many others on live nodes: counted and written in one step, so that those who come at once cannot pass together.
   * @returns when, in milliseconds since 1970 on the store's clock, which is the broker's too (of a Redis Cluster's masters each has its own)
   */
  register: (node: NodeInfo, entry: PresenceEntry, limit?: ConnectionLimit) => Promise<number>

  /** Removes an entry if it has this owner. */
  remove: (nodeId: string, entry: PresenceEntry) => Promise<void>

  /** Some of the entries that a claimed node still owns; none when all are removed. */
  entriesOf: (nodeId: string) => Promise<PresenceEntry[]>

  /** Forgets a claimed node whose entries are removed. */
  bury: (nodeId: string) => Promise<void>

  /** The answers about users, in the order asked. */
  users: (userIds: readonly string[]) => Promise<UserPresence[]>

  /** A live connection; undefined if there is none of this id. Unlike the other questions it takes some round trips: nothing else is found by it. */
  connection: (connectionId: string) => Promise<PresenceRecord | undefined>

  /** The members of a room, and their version. While a room has no members, its epoch may change. */
  members: (room: string) => Promise<MembersSnapshot>

  /** A part of the members, at most `limit`, after a user id (`''`: from the start). */
  membersPage: (room: string, after: string, limit: number) => Promise<MembersPage>

  /** Live connections and users in a room. */
  occupancy: (room: string) => Promise<{ connections: number, members: number }>

  /** Names of rooms in use on live nodes that begin with `prefix`, in order, after a name (`''`: from the start). */
  rooms: (prefix: string, after: string, limit: number) => Promise<{ rooms: string[], next: string | null }>

  /** The nodes whose leases last, in any order, with what each told last. One that was released has ended, also while its grace lasts. */
  nodes: () => Promise<NodeStatus[]>

  /** Stops: later calls reject with `unavailable`. */
  close: () => Promise<void>
}
