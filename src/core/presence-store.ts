/** A node as others see it. */
export interface NodeInfo {
  /** New at each start and after each lost lease. */
  readonly nodeId: string
  /** For people; stays the same over restarts. */
  readonly nodeName: string
}

/** What is kept about one live connection. */
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

/** A record to remove, and who must own it. */
export type PresenceRecordRef = Pick<PresenceRecord, 'connectionId' | 'userId' | 'nodeId'>

/** What a renewal came to: the lease is held, or it is gone and the node must take a new `nodeId`. */
export type Renewal = 'held' | 'lost'

/**
 * The port that keeps who is online, and the leases by which nodes vouch for their connections.
 *
 * **Truth.** A connection is online if a record of it exists and the lease of the record's owner (`nodeId`) has not ended, on the
 * store's one clock. So a node that died is silent proof: nobody has to clean up for the answers to be right.
 *
 * **Ownership.** `register` overwrites the owner; `remove` names the owner, and does nothing if the record has another. So an old
 * connection's end never removes what a newer registration wrote, and doing anything twice is doing it once.
 *
 * **Refusal.** A write for an owner without a lease is refused with `unavailable`; so nothing is written after a node's end was noticed.
 * No call stays pending for longer than the store's time limit, and what was refused never happens later.
 *
 * **Cost.** Renewing a lease costs the same with ten connections as with a hundred thousand. Each question takes one round trip.
 */
export interface PresenceStore {
  /**
   * Takes the lease of a node that starts, for `leaseMs`.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  takeLease: (node: NodeInfo) => Promise<void>

  /**
   * Renews a lease for `leaseMs` from now on. An expired lease that still stands is renewed; one that is gone is `lost`.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  renewLease: (node: NodeInfo) => Promise<Renewal>

  /** Gives a lease back: the node is gone from now on. For the end of a shutdown, after its records are removed. */
  releaseLease: (nodeId: string) => Promise<void>

  /**
   * Writes the record of a connection, or overwrites it.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  register: (record: PresenceRecord) => Promise<void>

  /**
   * Removes the record of a connection if it still has this owner.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  remove: (ref: PresenceRecordRef) => Promise<void>

  /**
   * The live connections of a user on all nodes, oldest first; empty if the user is offline.
   * @throws RoomcastError `unavailable`
   */
  connections: (userId: string) => Promise<PresenceRecord[]>

  /** Stops: later calls reject with `unavailable`. */
  close: () => Promise<void>
}
