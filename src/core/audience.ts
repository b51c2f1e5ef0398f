import { Broadcast, type AnyPublication } from './broadcast.ts'
import type { Codec } from './codec.ts'
import type { Connection } from './connection.ts'
import { Encoded } from './encoded.ts'
import type { ServerFrame } from './frames.ts'
import { Laggards } from './laggards.ts'
import type { Meters } from './meters.ts'
import type { SlowPolicy } from './room-policies.ts'
import type { Subscription } from './subscription.ts'

/** The subscriptions of a room on this node, and the publications that wait to be written to them at the turn's end. */
export class Audience {
  readonly #byCodec = new Map<Codec, Map<Connection, Subscription>>()
  /** Undefined where those who are slow are disconnected, which connections see to themselves. */
  readonly #laggards: Laggards | undefined
  readonly #meters: Meters
  #pending: AnyPublication[] = []
  #broadcast: Broadcast | undefined
  #size = 0

  constructor (slow: SlowPolicy, meters: Meters) {
    this.#meters = meters
    if (slow === 'latest') this.#laggards = new Laggards(meters)
  }

  /** Subscriptions, open or not. */
  get size (): number { return this.#size }

  /** Whether nothing waits to be written. */
  get isFlushed (): boolean { return this.#broadcast === undefined && this.#pending.length === 0 }

  /** Whether what waited is written to some and not yet to all. */
  get isWriting (): boolean { return this.#broadcast !== undefined }

  /** All subscriptions, open or not. */
  * subscriptions (): IterableIterator<Subscription> {
    for (const subscriptions of this.#byCodec.values()) yield * subscriptions.values()
  }

  add (subscription: Subscription): void {
    const { connection } = subscription
    let subscriptions = this.#byCodec.get(connection.codec)
    if (subscriptions === undefined) this.#byCodec.set(connection.codec, subscriptions = new Map())
    subscriptions.set(connection, subscription)
    this.#size++
  }

  remove (connection: Connection): void {
    const subscriptions = this.#byCodec.get(connection.codec)
    const subscription = subscriptions?.get(connection)
    if (subscriptions === undefined || subscription === undefined) return
    subscription.end()
    this.#laggards?.drop(subscription)
    subscriptions.delete(connection)
    if (subscriptions.size === 0) this.#byCodec.delete(connection.codec)
    this.#size--
  }

  /** Lets a publication wait for the next write; true if nothing waited before, so that nobody knows of it yet. */
  enqueue (publication: AnyPublication): boolean {
    if (this.#size === 0) return false
    const wasFlushed = this.isFlushed
    this.#pending.push(publication)
    return wasFlushed
  }

  /** Writes everything that waits. */
  flush (): void {
    while (!this.isFlushed) this.write(Infinity)
  }

  /** Writes what waits, or goes on with what it was writing, to at most so many subscriptions, in order; answers to how many. */
  write (most: number): number {
    if (this.isFlushed) return 0
    if (this.#broadcast === undefined) {
      this.#broadcast = new Broadcast({ publications: this.#pending, byCodec: this.#byCodec, laggards: this.#laggards, meters: this.#meters })
      this.#pending = []
    }
    const count = this.#broadcast.write(most)
    if (this.#broadcast.isWritten) this.#broadcast = undefined
    return count
  }

  /** Writes everything that waits, and to one subscription, or all, what is held because it is slow. */
  flushHeld (to: Subscription | 'all'): void {
    this.flush()
    if (to === 'all') this.#laggards?.releaseAll()
    else this.#laggards?.release(to)
  }

  /** Writes everything that waits, but forgets what is held for who is slow. */
  flushWithoutHeld (): void {
    this.flush()
    this.#laggards?.dropAll()
  }

  /** Writes a frame to all who are open, at once. */
  tell (frame: ServerFrame): void {
    const frames = new Encoded(codec => codec.encode(frame))
    for (const { isOpen, connection } of this.subscriptions()) {
      if (isOpen) connection.write(frames.for(connection.codec))
    }
  }
}
