import type { MemberEvent } from './presence-store.ts'
import type { Position, Publication, PublicationDraft, RoomEnd, VolatilePublication } from './publication.ts'

/** What a publish came to: the position that the publication got, or none where it was volatile. */
export interface PublishResult extends Partial<Position> {
  readonly room: string
  /** Whether the same was published before, under the same key: then that is the answer, and nothing was published now. */
  readonly duplicate: boolean
}

/** What to read of a room's history. */
export interface HistoryQuery {
  /** Only publications after this offset, or with `reverse` before it; absent: from the oldest, or the newest. */
  readonly from?: number | undefined
  /** At most so many. */
  readonly limit: number
  /** At most about so many bytes, as `bytesOf` counts them; but always one publication, if there is one. */
  readonly maxBytes: number
  /** Newest first. */
  readonly reverse?: boolean | undefined
}

/** Part of a room's history, and the end of the room at the same moment. */
export interface HistoryPage extends RoomEnd {
  /** Of the end's epoch, in the order asked for. */
  readonly publications: readonly Publication[]
  /** Whether there are more in that direction, whichever bound ended the page. */
  readonly more: boolean
}

/** What the broker tells the node. All are called synchronously and must not throw. */
export interface BrokerListener {
  /** A publication reached a room that the node is subscribed to. */
  onPublication: (publication: Publication) => void
  /** A volatile publication reached a room that the node is subscribed to. */
  onVolatile: (publication: VolatilePublication) => void
  /** A join or leave in a room that the node is subscribed to, as the presence store decided it. */
  onMemberEvent: (event: MemberEvent) => void
  /** The history of a room that the node is subscribed to was forgotten. */
  onForget: (room: string) => void
  /**
   * The link was lost and is back, and every room that the node is subscribed to is confirmed again; or these rooms are, which the link of others
   * does not carry. What was published in between did not arrive: the node compares `position` with what it has.
   */
  onResubscribed: (rooms: ReadonlySet<string> | 'all') => void
}

/**
 * The port that carries publications between nodes and numbers them.
 *
 * **Delivery.** After `subscribe(room)` resolved, every publication of that room is handed to `onPublication` of every
 * subscribed node, the publishing node included: there is no other way to a socket. When the link breaks, publications may be
 * missed, never repeated; the broker then subscribes again by itself and calls `onResubscribed`. After `unsubscribe(room)`
 * resolved nothing of that room is handed over any more. Joins and leaves, which the presence store publishes, arrive in the same way, in
 * the order of their versions.
 *
 * **Order.** Publications of one room arrive in the order of their offsets. Nothing is promised across rooms. Calls to `subscribe`
 * and `unsubscribe` for one room take effect in the order in which they were made, also when nobody awaits them.
 *
 * **Atomicity.** `publish` assigns the next offset, and sends: both or neither. The first publication of a room has offset 1. An
 * epoch names one numbering: offsets are never used twice under one epoch, and when the numbering is lost, or may have gone back, the epoch
 * changes; where it only may have, the new one inherits the positions up to where it was.
 *
 * **Volatile.** A volatile publication goes the same way, to whoever is subscribed, and is neither numbered nor kept.
 *
 * **History.** Publications of a room are kept by its policy, the newest `size` of them for `ttlMs`, together with their sending: a
 * publication that was sent is in the history unless the policy has dropped it, and what is there was sent. What is kept are always
 * the newest, without a hole. A new epoch begins with an empty history.
 *
 * **Retry.** What a draft's key came to is remembered with its sending, for five minutes, apart for each room. The same content under
 * the same key is answered with the first result and not sent again; other content is refused with `key_reused`.
 *
 * **Refusal.** A rejection with `unavailable` means that nothing happened and nothing will; one with `outcome_unknown` that it
 * may have happened already, and that it will not happen later. No call stays pending for longer than the broker's time limit.
 */
export interface Broker {
  /** Starts to deliver to `listener`. Called once, before anything else. */
  start: (listener: BrokerListener) => Promise<void>

  /**
   * Subscribes this node to a room; resolves when that is confirmed. Doing it twice is doing it once.
   * @throws RoomcastError `unavailable`: the node is not subscribed
   */
  subscribe: (room: string) => Promise<void>

  /** Unsubscribes this node; never rejects, since a node that lost its link is not subscribed either. */
  unsubscribe: (room: string) => Promise<void>

  /**
   * The end of a room: the position of its newest publication. Creates the epoch of a room that has none, with offset 0.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  position: (room: string) => Promise<RoomEnd>

  /**
   * Reads a part of what is kept.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  history: (room: string, query: HistoryQuery) => Promise<HistoryPage>

  /**
   * Forgets what is kept; offsets go on. Every node that has the room hears of it by `onForget`.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  forget: (room: string) => Promise<void>

  /**
   * Publishes, and resolves with the position that the publication got, if it is not volatile, whether or not anybody is subscribed.
   * @throws RoomcastError `key_reused`, `unavailable` or `outcome_unknown`
   */
  publish: (draft: PublicationDraft) => Promise<PublishResult>

  /**
   * Whether a draft's key is free, or was used for the same content. Reads only; a draft without a key passes.
   * @throws RoomcastError `key_reused` or `unavailable`
   */
  assertKey: (draft: PublicationDraft) => Promise<void>

  /**
   * Proves that publications can go out and come back: all, or those of some rooms.
   * @throws RoomcastError `unavailable`
   */
  check: (rooms?: readonly string[]) => Promise<void>

  /** Stops: what is under way is answered, later calls reject with `unavailable`. */
  close: () => Promise<void>
}
