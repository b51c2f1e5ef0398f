import type { AnyPublication } from './broadcast.ts'
import { Encoded } from './encoded.ts'
import type { Meters } from './meters.ts'
import type { Subscription } from './subscription.ts'

/** What a subscription that lags is owed yet. */
interface Held {
  /** The newest publication that it is owed. */
  readonly publication: AnyPublication
  /** The frame of that for its codec, as others got it. */
  readonly frame: Uint8Array
  /** Whether it was owed others before, which it will never get. */
  readonly isAfterSkipped: boolean
}

/**
 * The subscriptions of a room whose connections do not read as fast as the room publishes, where the room's policy is to send these only the
 * newest publication: it is held, in place of what was held before, until the connection has drained. Who keeps up costs nothing here.
 */
export class Laggards {
  readonly #held = new Map<Subscription, Held>()
  readonly #meters: Meters
  /** The publication that was marked last: mostly all laggards hold the same. */
  #marked: { readonly publication: AnyPublication, readonly frames: Encoded } | undefined

  constructor (meters: Meters) {
    this.#meters = meters
  }

  /** Whether publications for a subscription are to be held, rather than so many bytes be written to it. */
  include (subscription: Subscription, bytes: number): boolean {
    return this.#held.has(subscription) || subscription.connection.isBehind(bytes)
  }

  /** Holds the newest publication for a subscription; `owed` is how many there were since the last one that it was written, or held. */
  hold (subscription: Subscription, { publication, frame, owed }: Pick<Held, 'publication' | 'frame'> & { readonly owed: number }): void {
    const isFirst = !this.#held.has(subscription)
    this.#held.set(subscription, { publication, frame, isAfterSkipped: !isFirst || owed > 1 })
    this.#meters.skipped += isFirst ? owed - 1 : owed
    if (isFirst) this.#await(subscription)
  }

  /** Writes what is held for a subscription, however much waits in its socket. */
  release (subscription: Subscription): void {
    const held = this.#held.get(subscription)
    if (held === undefined) return
    const frame = held.isAfterSkipped ? this.#mark(held.publication, subscription) : held.frame
    this.drop(subscription)
    if (!subscription.isOpen) return
    subscription.connection.write(frame)
    this.#meters.deliveries++
  }

  /** Does that for all. */
  releaseAll (): void {
    for (const subscription of this.#held.keys()) this.release(subscription)
  }

  /** Forgets what is held for a subscription. */
  drop (subscription: Subscription): void {
    this.#held.delete(subscription)
    if (this.#held.size === 0) this.#marked = undefined
  }

  /** Does that for all. */
  dropAll (): void {
    for (const subscription of this.#held.keys()) this.drop(subscription)
  }

  #await (subscription: Subscription): void {
    const { connection } = subscription
    connection.transport.whenDrained(() => {
      // Meanwhile others may have written to it: other rooms, and its replies.
      if (this.#held.has(subscription) && connection.isBehind(0)) this.#await(subscription)
      else this.release(subscription)
    })
  }

  #mark (publication: AnyPublication, { connection: { codec } }: Subscription): Uint8Array {
    if (this.#marked?.publication !== publication) {
      this.#marked = { publication, frames: new Encoded(codec => codec.encodePublication(publication, 'after skipped ones')) }
    }
    return this.#marked.frames.for(codec)
  }
}
