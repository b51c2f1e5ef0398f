import type { Codec } from './codec.ts'
import type { Connection } from './connection.ts'
import type { Laggards } from './laggards.ts'
import type { Meters } from './meters.ts'
import { leavesOut, type Publication, type VolatilePublication } from './publication.ts'
import type { Subscription } from './subscription.ts'

/** A publication with or without a position. */
export type AnyPublication = Publication | VolatilePublication

export interface BroadcastParts {
  readonly publications: readonly AnyPublication[]
  readonly byCodec: ReadonlyMap<Codec, ReadonlyMap<Connection, Subscription>>
  /** Undefined where those who are slow are disconnected. */
  readonly laggards: Laggards | undefined
  readonly meters: Meters
}

/** What the subscriptions of one codec are written. */
interface Part {
  readonly frames: readonly Uint8Array[]
  readonly joined: Uint8Array
  readonly subscriptions: IterableIterator<Subscription>
}

/**
 * Publications of a room on their way to its subscriptions: encoded once per codec, joined to one write per connection. It can be written in
 * slices: who comes meanwhile has a floor above it, who goes is passed over.
 */
export class Broadcast {
  readonly #publications: readonly AnyPublication[]
  readonly #parts: Part[]
  /** Who has a floor below this gets all of them. */
  readonly #lowest: number
  readonly #excepted: ReadonlySet<string>
  readonly #laggards: Laggards | undefined
  readonly #meters: Meters

  constructor ({ publications, byCodec, laggards, meters }: BroadcastParts) {
    this.#publications = publications
    this.#laggards = laggards
    this.#meters = meters
    this.#lowest = publications.find(({ offset }) => offset !== undefined)?.offset ?? Infinity
    this.#excepted = new Set(publications.flatMap(({ except }) => except ?? []))
    this.#parts = Array.from(byCodec, ([codec, subscriptions]) => {
      const frames = publications.map(publication => codec.encodePublication(publication))
      return { frames, joined: frames.length === 1 && frames[0] !== undefined ? frames[0] : Buffer.concat(frames), subscriptions: subscriptions.values() }
    })
  }

  get isWritten (): boolean { return this.#parts.length === 0 }

  /** Writes to the next subscriptions, at most so many; answers to how many. */
  write (most: number): number {
    let count = 0
    for (let part = this.#parts[0]; part !== undefined; part = this.#parts[0]) {
      // An iterator of a Map goes on from where a loop left it.
      for (const subscription of part.subscriptions) {
        this.#writeTo(subscription, part)
        if (++count >= most) return count
      }
      this.#parts.shift()
    }
    return count
  }

  #writeTo (subscription: Subscription, part: Part): void {
    if (!subscription.isOpen) return
    const { connection, floor } = subscription
    if (this.#laggards?.include(subscription, part.joined.length) === true) {
      this.#hold(subscription, part, this.#laggards)
      return
    }
    if (floor < this.#lowest && !this.#leavesOut(connection)) {
      connection.write(part.joined)
      this.#meters.deliveries += part.frames.length
      return
    }
    const owed = part.frames.filter((_, index) => isOwed(this.#publications[index], subscription))
    if (owed.length === 0) return
    connection.write(Buffer.concat(owed))
    this.#meters.deliveries += owed.length
  }

  #hold (subscription: Subscription, { frames }: Part, laggards: Laggards): void {
    const owed = this.#publications.filter(publication => isOwed(publication, subscription))
    const newest = owed.at(-1)
    const frame = newest && frames[this.#publications.indexOf(newest)]
    if (newest !== undefined && frame !== undefined) laggards.hold(subscription, { publication: newest, frame, owed: owed.length })
  }

  #leavesOut ({ connectionId, resumedId }: Connection): boolean {
    const excepted = this.#excepted
    return excepted.size > 0 && (excepted.has(connectionId) || (resumedId !== undefined && excepted.has(resumedId)))
  }
}

function isOwed (publication: AnyPublication | undefined, { floor, connection }: Subscription): boolean {
  return publication !== undefined && (publication.offset ?? Infinity) > floor && !leavesOut(publication, connection)
}
