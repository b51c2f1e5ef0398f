import type { Codec } from './codec.ts'
import type { Connection } from './connection.ts'
import { entryKeyOf, type PresenceEntry, type Vouched } from './presence-entry.ts'
import { stepFrom, type Position, type Publication } from './publication.ts'
import { Subscription } from './subscription.ts'

/**
 * A room on this node: who is subscribed here, how far it has got, and the publications of this turn that wait to be written.
 * Encodes once per codec and writes once per connection and turn; who is subscribed to what elsewhere is the broker's business.
 */
export class Room implements Vouched {
  readonly name: string
  assertedAt = 0
  /** When its end was last compared with the broker's. */
  comparedAt = 0
  readonly #byCodec = new Map<Codec, Map<Connection, Subscription>>()
  readonly #onPending: (room: Room) => void
  #position: Position | undefined
  #pending: Publication[] = []
  #size = 0

  /** `onPending` is called when the first publication of a turn waits, so that somebody calls `flush` at the turn's end. */
  constructor (name: string, onPending: (room: Room) => void) {
    this.name = name
    this.#onPending = onPending
  }

  /** Subscriptions in this room, open or not. */
  get size (): number { return this.#size }

  /** Whether the end of the room was read, or a publication seen, since the node subscribed. */
  get isPositioned (): boolean { return this.#position !== undefined }

  /** How far the room has got on this node. */
  get position (): Position {
    if (this.#position === undefined) throw new Error(`the position of room ${this.name} was asked for before it was read`)
    return this.#position
  }

  get entryKey (): string { return entryKeyOf(this.entry()) }
  get isWanted (): boolean { return this.#size > 0 }
  entry (): PresenceEntry { return { kind: 'room', room: this.name } }

  /** All subscriptions, open or not. */
  * subscriptions (): IterableIterator<Subscription> {
    for (const subscriptions of this.#byCodec.values()) yield * subscriptions.values()
  }

  add (connection: Connection): Subscription {
    let subscriptions = this.#byCodec.get(connection.codec)
    if (subscriptions === undefined) this.#byCodec.set(connection.codec, subscriptions = new Map())
    const subscription = new Subscription(this, connection)
    subscriptions.set(connection, subscription)
    this.#size++
    return subscription
  }

  remove (connection: Connection): void {
    const subscriptions = this.#byCodec.get(connection.codec)
    const subscription = subscriptions?.get(connection)
    if (subscriptions === undefined || subscription === undefined) return
    subscription.end()
    subscriptions.delete(connection)
    if (subscriptions.size === 0) this.#byCodec.delete(connection.codec)
    this.#size--
  }

  /**
   * Takes the end of the room as read from the broker. Publications that arrived while the read was under way may be ahead of it.
   * With `end` ahead of what arrived, the difference was missed, and the subscribers are told so.
   */
  settle (end: Position): void {
    const position = this.#position
    if (position === undefined) {
      this.#position = end
    } else if (end.epoch !== position.epoch || end.offset > position.offset) {
      this.#tellGap(end)
    }
  }

  /** Takes a publication as it arrives from the broker. */
  accept (publication: Publication): void {
    const step = this.#position === undefined ? 'next' : stepFrom(this.#position, publication)
    if (step === 'known') return
    if (step !== 'next') this.#tellGap({ epoch: publication.epoch, offset: publication.offset - 1 })
    this.#position = publication
    if (this.#size === 0) return
    this.#pending.push(publication)
    if (this.#pending.length === 1) this.#onPending(this)
  }

  /** Writes what the turn has gathered. */
  flush (): void {
    const pending = this.#pending
    if (pending.length === 0) return
    this.#pending = []
    for (const [codec, subscriptions] of this.#byCodec) this.#write(pending, codec, subscriptions)
  }

  #write (pending: readonly Publication[], codec: Codec, subscriptions: ReadonlyMap<Connection, Subscription>): void {
    const frames = pending.map(publication => codec.encodePublication(publication))
    const joined = frames.length === 1 && frames[0] !== undefined ? frames[0] : Buffer.concat(frames)
    const lowest = pending[0]?.offset ?? 0
    const excepted = new Set(pending.map(publication => publication.except))
    for (const subscription of subscriptions.values()) {
      if (!subscription.isOpen) continue
      const { connection, floor } = subscription
      if (floor < lowest && !excepted.has(connection.connectionId)) {
        connection.write(joined)
      } else {
        const owed = frames.filter((_, index) => isOwed(pending[index], subscription))
        if (owed.length > 0) connection.write(Buffer.concat(owed))
      }
    }
  }

  /** Moves to a position whose predecessors were missed; what had arrived before goes out first. */
  #tellGap (to: Position): void {
    this.flush()
    this.#position = to
    for (const [codec, subscriptions] of this.#byCodec) {
      const notice = codec.encode({ type: 'gap', room: this.name, epoch: to.epoch, offset: to.offset })
      for (const subscription of subscriptions.values()) {
        if (!subscription.isOpen) continue
        subscription.rebase(to.offset)
        subscription.connection.write(notice)
      }
    }
  }
}

function isOwed (publication: Publication | undefined, { floor, connection }: Subscription): boolean {
  return publication !== undefined && publication.offset > floor && publication.except !== connection.connectionId
}
