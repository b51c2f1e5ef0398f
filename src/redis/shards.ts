import type { Shard } from './shard.ts'

/** Where to send a command that a Redis process did not do because another has its keys. */
export interface Redirection {
  readonly shard: Shard
  /** Whether that one must be told that it is asked for keys that are on their way to it (Redis Cluster specification, "ASK redirection"). */
  readonly isAsking: boolean
}

/** What is heard of the shards. All are called synchronously and must not throw. */
export interface ShardsListener {
  readonly onMessage?: (channel: string, message: Buffer) => void
  /** What was sent on these channels may have been missed; they are confirmed again. */
  readonly onResubscribed?: (channels: ReadonlySet<string> | 'all') => void
  /** Another process serves what one served before, and may not have had the last of its writes. */
  readonly onReplaced?: () => void
}

/** Who publishes on a channel: the nodes, or others, who know nothing of slots. */
export type Senders = 'nodes' | 'others'

/** Which channels a node listens to. */
export interface Channels {
  /**
   * Resolves when Redis has confirmed.
   * @throws RoomcastError `unavailable`: the channel is not wanted any more
   */
  subscribe: (channel: string, senders?: Senders) => Promise<void>
  /** Resolves when Redis has confirmed, or the link is lost, which comes to the same. Never rejects. */
  unsubscribe: (channel: string) => Promise<void>
}

/** The Redis processes that hold the keys, and who has which: one, or the masters of a Redis Cluster. */
export interface Shards {
  /** Where they are, for people; holds no password. */
  readonly address: string
  /** The number of the database that keys live in. */
  readonly db: number
  readonly channels: Channels
  /** Whether keys lie apart, in processes that fail each on its own. */
  readonly areMany: boolean
  /** How often a process was replaced by another, as far as scripts cannot tell by themselves. */
  readonly replacements: number
  /** Those that have keys. */
  all: () => readonly Shard[]
  /**
   * Who has a key.
   * @throws RoomcastError `unavailable` where nobody is known to
   */
  of: (key: string) => Shard
  /** Whom to ask instead after a command about a key failed; undefined where that would be of no use. Never rejects. */
  redirect: (error: unknown, key: string) => Promise<Redirection | undefined>
  listen: (listener: ShardsListener) => void
  /** Tells nothing more. */
  stop: () => void
  /** Ends the connections, after the answers that are under way if Redis still gives them. */
  close: () => Promise<void>
}
