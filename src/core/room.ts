import { Audience } from './audience.ts'
import type { AnyPublication } from './broadcast.ts'
import type { HistoryPage } from './broker.ts'
import type { Connection } from './connection.ts'
import type { Meters } from './meters.ts'
import { entryKeyOf, type PresenceEntry, type Vouched } from './presence-entry.ts'
import { offsetUnder, stepFrom, type Position, type Publication, type RoomEnd, type VolatilePublication } from './publication.ts'
import type { HistoryPolicy, SlowPolicy } from './room-policies.ts'
import { Subscription } from './subscription.ts'
import { Tail } from './tail.ts'

/** What rooms need of the node. */
export interface RoomParts {
  /** Called when something begins to wait, so that somebody calls `write` from the turn's end on, until the room is flushed. */
  readonly onPending: (room: Room) => void
  /** Called when publications are missing, so that somebody reads the history after the room's position, and calls `heal`. */
  readonly onHole: (room: Room) => void
  readonly historyOf: (room: string) => HistoryPolicy
  readonly slowOf: (room: string) => SlowPolicy
  readonly now: () => number
  readonly meters: Meters
}

/** Publications that are held while a hole is being read. */
const MAX_HELD = 1_000

/**
 * A room on this node: who is subscribed here, how far it has got, and what was missed on the way. Who is subscribed to what elsewhere is
 * the broker's business.
 */
export class Room implements Vouched {
  readonly name: string
  assertedAt = 0
  /** When its end was last compared with the broker's. */
  comparedAt = 0
  readonly #audience: Audience
  readonly #parts: RoomParts
  readonly #tail: Tail
  #isExtended = false
  #held: Publication[] | undefined
  #position: Position | undefined
  #inherits: RoomEnd['inherits']

  constructor (name: string, parts: RoomParts) {
    this.name = name
    this.#parts = parts
    this.#audience = new Audience(parts.slowOf(name), parts.meters)
    this.#tail = new Tail(parts.historyOf(name))
  }

  /** Subscriptions in this room, open or not. */
  get size (): number { return this.#audience.size }

  /** Whether the end of the room was read, or a publication seen, since the node subscribed. */
  get isPositioned (): boolean { return this.#position !== undefined }

  /** How far the room has got on this node. */
  get position (): Position {
    if (this.#position === undefined) throw new Error(`the position of room ${this.name} was asked for before it was read`)
    return this.#position
  }

  get entryKey (): string { return entryKeyOf(this.entry()) }
  get isWanted (): boolean { return this.size > 0 }
  entry (): PresenceEntry { return { kind: 'room', room: this.name } }

  /** All subscriptions, open or not. */
  subscriptions (): IterableIterator<Subscription> {
    return this.#audience.subscriptions()
  }

  add (connection: Connection): Subscription {
    const subscription = new Subscription(this, connection)
    this.#audience.add(subscription)
    return subscription
  }

  remove (connection: Connection): void {
    this.#audience.remove(connection)
  }

  /** Whether publications are known to be missing and being read. */
  get isHealing (): boolean { return this.#held !== undefined }

  /** Takes the end of the room as read from the broker; everything up to it has arrived here, if it arrives at all. */
  settle (end: RoomEnd): void {
    const position = this.#position
    if (position === undefined) {
      this.#position = { epoch: end.epoch, offset: end.offset }
      this.#inherits = end.inherits
    } else if (!this.isHealing && (end.epoch !== position.epoch || end.offset > position.offset)) {
      // What is being read already reaches this end too.
      this.#beginHealing()
    }
  }

  /** Takes a publication as it arrives from the broker. */
  accept (publication: Publication): void {
    if (this.#held !== undefined) {
      // Beyond the bound nothing is held: what is dropped here is in the history, and is read from there.
      if (this.#held.length < MAX_HELD) this.#held.push(publication)
      return
    }
    const step = this.#position === undefined ? 'next' : stepFrom(this.#position, publication)
    switch (step) {
      case 'known':
        return
      case 'hole':
      case 'new epoch':
        this.#beginHealing()
        this.accept(publication)
        return
      case 'next':
        this.#take(publication)
        return
      default:
        step satisfies never
    }
  }

  /** Takes a volatile publication: it goes out as it comes, also where others are being read that came before it. */
  acceptVolatile (publication: VolatilePublication): void {
    this.#enqueue(publication)
  }

  /**
   * Takes what the history holds after this room's position (see `missedFrom`), and what arrived meanwhile. Where neither holds all of it, or
   * the position means nothing under a new epoch, the subscribers are told the gap, which this answers.
   */
  heal (page: HistoryPage): 'whole' | 'gap told' {
    // What was held of another epoch is in the history that this one inherits, or is lost with it; a newer epoch shows itself again.
    const held = (this.#held ?? []).filter(({ epoch }) => epoch === page.epoch)
    this.#held = undefined
    const from = offsetUnder(page, this.position)
    // The history may have dropped by now what had arrived.
    const oldest = Math.min(page.publications[0]?.offset ?? Infinity, page.offset + 1)
    const missed = [...held.filter(({ offset }) => offset > (from ?? 0) && offset < oldest), ...page.publications]
    const first = missed[0]?.offset ?? page.offset + 1
    let outcome: ReturnType<Room['heal']> = 'whole'
    const tellGap = (offset: number): void => {
      outcome = 'gap told'
      this.#tellGap({ epoch: page.epoch, offset })
    }
    if (from !== undefined && page.epoch !== this.position.epoch) this.#tellEpoch({ epoch: page.epoch, offset: from })
    if (from === undefined || first > from + 1) tellGap(first - 1)
    for (const publication of missed) {
      if (stepFrom(this.position, publication) === 'hole') tellGap(publication.offset - 1)
      this.#take(publication)
    }
    this.#inherits = page.inherits
    if (page.more) this.#beginHealing()
    for (const publication of held) this.accept(publication)
    return outcome
  }

  /** Whether a position is one that the room has been at, as far as this node knows. */
  hasBeenAt (position: Position): boolean {
    return offsetUnder({ ...this.position, inherits: this.#inherits }, position) !== undefined
  }

  /**
   * The publications after a position, up to where the room is; undefined if some of them are not at hand, or the position is of another
   * epoch. `extend` brings older ones.
   */
  after (since: Position): Publication[] | undefined {
    const end = { ...this.position, inherits: this.#inherits }
    const offset = offsetUnder(end, since)
    return offset === undefined ? undefined : this.#tail.after(offset, end, this.#parts.now())
  }

  /** Whether `extend` was called since the room can say what came: then what its tail does not hold is not kept, or too far back. */
  get isExtended (): boolean { return this.#isExtended }

  /** Takes the newest part of the history, oldest first, read after the room was entered. */
  extend (newest: HistoryPage): void {
    if (newest.epoch !== this.position.epoch) return
    this.#inherits = newest.inherits
    this.#tail.extend(newest.publications, this.position, this.#parts.now())
    this.#isExtended = true
  }

  /** The history was deleted: nothing of it is replayed any more. */
  forget (): void {
    this.#tail.clear()
  }

  /** Whether nothing waits to be written. */
  get isFlushed (): boolean { return this.#audience.isFlushed }

  /** Whether what waited is written to some subscriptions and not yet to all. */
  get isWriting (): boolean { return this.#audience.isWriting }

  /** Writes everything that waits. */
  flush (): void {
    this.#audience.flush()
  }

  /** Writes everything that waits, and what is held for a subscription, or for all, because their connections are slow. */
  flushHeld (to: Subscription | 'all'): void {
    this.#audience.flushHeld(to)
  }

  /** Writes what waits, or goes on with what it was writing, to at most so many subscriptions, in order; answers to how many. */
  write (most: number): number {
    return this.#audience.write(most)
  }

  /** Goes on under a new epoch, of which nothing was missed: subscribers learn its name, so that they can recover under it. */
  #tellEpoch (to: Position): void {
    this.#audience.flushHeld('all')
    this.#position = to
    this.#audience.tell({ type: 'subscribed', room: this.name, ...to, recovered: true })
  }

  #beginHealing (): void {
    this.#held = []
    this.#parts.onHole(this)
  }

  #take (publication: Publication): void {
    const { epoch, offset } = publication
    this.#position = { epoch, offset }
    this.#tail.push(publication, this.#parts.now())
    this.#enqueue(publication)
  }

  #enqueue (publication: AnyPublication): void {
    if (this.#audience.enqueue(publication)) this.#parts.onPending(this)
  }

  /** Moves to a position whose predecessors were missed; what had arrived before goes out first, but who is slow is told of no more than the gap. */
  #tellGap (to: Position): void {
    this.#audience.flushWithoutHeld()
    this.#tail.clear()
    this.#isExtended = false
    this.#position = { epoch: to.epoch, offset: to.offset }
    for (const subscription of this.subscriptions()) subscription.rebase(to.offset)
    this.#audience.tell({ type: 'gap', room: this.name, epoch: to.epoch, offset: to.offset })
  }
}
