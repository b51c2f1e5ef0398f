/** What a key prefix may hold. Without braces the first brace of every key is ours, so hash tags mean what we say. */
export const KEY_PREFIX_PATTERN = '^[A-Za-z0-9_.:-]{1,64}$'

/**
 * Every key and channel name that Roomcast uses in Redis, and nowhere else. Names of rooms and users stand in them as they are:
 *
 * - they cannot collide, since what follows a name is one of a few endings of fixed shape, and what precedes it tells its kind;
 * - all keys of one room share a hash slot, and so do those of one user and of one node, since Redis hashes what stands between
 *   the first `{` and the first `}` after it (Redis Cluster specification, "Hash tags"), which begins with our own letter and is
 *   never empty; a `}` within a name only ends the tag early, in the same place for all keys of that name.
 */
export class RedisKeys {
  readonly #prefix: string
  readonly #channelPrefix: string

  constructor ({ prefix, db }: { prefix: string, db: number }) {
    this.#prefix = prefix
    // Pub/sub knows no databases: without its number, two clusters on two databases would hear each other.
    this.#channelPrefix = `${prefix}@${db}`
  }

  /** HASH `epoch`, `offset`: the end of a room. */
  roomEnd (room: string): string { return `${this.#prefix}:{r:${room}}:end` }

  /** STREAM with the offset as id: what is kept of a room's publications. */
  roomHistory (room: string): string { return `${this.#prefix}:{r:${room}}:history` }

  /** STRING `content epoch offset`: what a publish with an idempotency key came to. The id, of fixed length and without braces, ends the name. */
  publishKey (room: string, id: string): string { return `${this.#prefix}:{r:${room}}:key:${id}` }

  /** The channel on which a room's publications travel. */
  roomChannel (room: string): string { return `${this.#channelPrefix}:{r:${room}}:live` }

  /** The channel on which a node hears its own probes. */
  probeChannel (id: string): string { return `${this.#channelPrefix}:{p:${id}}:probe` }

  /** STRING, gone after a millisecond: whether a node may write. */
  probe (id: string): string { return `${this.#prefix}:{p:${id}}:probed` }

  /** HASH connectionId → `nodeId record`: the connections of a user, on all nodes. */
  userConnections (userId: string): string { return `${this.#prefix}:{u:${userId}}:connections` }

  /** STRING: when a user was last online, in milliseconds. */
  userSeen (userId: string): string { return `${this.#prefix}:{u:${userId}}:seen` }

  /** HASH connectionId → `nodeId userId`: the connections in a room. */
  roomConnections (room: string): string { return `${this.#prefix}:{r:${room}}:connections` }

  /** HASH userId → `connections info`: the members of a room. */
  roomMembers (room: string): string { return `${this.#prefix}:{r:${room}}:members` }

  /** ZSET of user ids, all with score 0: the members in order. */
  roomOrder (room: string): string { return `${this.#prefix}:{r:${room}}:order` }

  /** HASH `epoch`, `version`: how far the joins and leaves of a room have got. */
  roomVersion (room: string): string { return `${this.#prefix}:{r:${room}}:version` }

  /** HASH entry key → userId: what a node vouches for. */
  nodeIndex (nodeId: string): string { return `${this.#prefix}:{n:${nodeId}}:index` }

  /** ZSET of `room NUL nodeId`, all with score 0: the rooms in use, in order. */
  rooms (): string { return `${this.#prefix}:{rooms}:names` }

  /** ZSET nodeId → the end of its lease, in milliseconds on Redis' clock. */
  leases (): string { return `${this.#prefix}:{leases}:ends` }

  /** HASH nodeId → since when its lease is unbroken. */
  leasesSince (): string { return `${this.#prefix}:{leases}:since` }

  /** HASH nodeId → `seenAt giver holder`: its last sign of life, and the Redis process that gave the lease, and what the node tells about itself, as JSON. */
  leaseHolders (): string { return `${this.#prefix}:{leases}:holders` }

  /** HASH dead nodeId → the node that sweeps it. */
  claims (): string { return `${this.#prefix}:{leases}:claims` }

  /** ZSET of revocations as JSON, by when they expire, in milliseconds on Redis' clock. */
  revocations (): string { return `${this.#prefix}:{revocations}:list` }
}

/** How long a user's last time online is kept. */
export const SEEN_RETENTION_MS = 30 * 24 * 60 * 60 * 1_000

/** How long keys outlive their last use. */
export const RETENTION_MS = 24 * 60 * 60 * 1_000
