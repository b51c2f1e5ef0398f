import type { Member, Position, RoomEvents, RoomState } from './room-events.ts'
import type { RoomSubscription } from './room-subscription.ts'

export interface SubscribeOptions {
  /** Whether joins and leaves are wanted too, and the list of members. Stays so until `unsubscribe`. */
  readonly presence?: boolean | undefined
}

export interface PublishOptions {
  /** `false` leaves the client that publishes out. */
  readonly echo?: boolean | undefined
  /** Whether it is sent to whoever is there and not kept: it gets no position, and who is away misses it. */
  readonly volatile?: boolean | undefined
  /** Names this publication: for five minutes the same under the same key is published once. Each has one of its own if not given. */
  readonly key?: string | undefined
}

/** What a publish came to: the position that the publication got, or none where it was volatile. */
export interface Published extends Partial<Position> {
  /** It was published before, under the same key. */
  readonly duplicate?: true
}

/** What a handle needs of its client. */
export interface RoomHandleParts {
  readonly subscription: RoomSubscription
  readonly publish: (room: string, data: unknown, options: PublishOptions) => Promise<Published>
}

/** One room, for as long as the client lives. `Data` is what is published in it. Made by `client.room(name)`. */
export class RoomHandle<Data = unknown> {
  readonly #parts: RoomHandleParts

  constructor (parts: RoomHandleParts) {
    this.#parts = parts
  }

  get name (): string { return this.#parts.subscription.name }
  get state (): RoomState { return this.#parts.subscription.state }

  /** Up to where this client has got; undefined until it is subscribed. */
  get position (): Position | undefined { return this.#parts.subscription.position }

  /** Who is in the room, if subscribed with `presence`. */
  get members (): readonly Member[] { return this.#parts.subscription.members }

  /** Listens; returns how to stop that. */
  on<Name extends keyof RoomEvents<Data>> (name: Name, listener: (...args: RoomEvents<Data>[Name]) => void): () => void {
    return this.#parts.subscription.events.on(name, listener as unknown as (...args: RoomEvents[Name]) => void)
  }

  /**
   * Subscribes, and stays subscribed over every reconnect. Resolves with the position after which every publication follows, once there is a
   * connection; rejects with the server's refusal, and if `unsubscribe` or the client's `close` comes first.
   */
  subscribe ({ presence = false }: SubscribeOptions = {}): Promise<Position> {
    return this.#parts.subscription.subscribe(presence ? 'with presence' : 'plain')
  }

  /** Ends the subscription: nothing is delivered after this returns. */
  unsubscribe (): void {
    this.#parts.subscription.unsubscribe()
  }

  /**
   * Publishes, once: without a connection it waits in a bounded queue, and where a connection was lost before the answer it is sent again
   * with the next, under the same key. Rejects with `timeout` if it was never sent, and with `outcome_unknown` if it may have happened:
   * publish the same again with the same `key` then.
   */
  publish (data: Data, options: PublishOptions = {}): Promise<Published> {
    return this.#parts.publish(this.name, data, options)
  }
}
