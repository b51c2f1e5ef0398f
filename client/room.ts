import type { Member, Position, RoomEvents, RoomState } from './room-events.ts'
import type { RoomSubscription } from './room-subscription.ts'

export interface SubscribeOptions {
  /** Whether joins and leaves are wanted too, and the list of members. Stays so until `unsubscribe`. */
  readonly presence?: boolean | undefined
}

export interface PublishOptions {
  /** `false` leaves the client that publishes out. */
  readonly echo?: boolean | undefined
}

/** What a handle needs of its client. */
export interface RoomHandleParts {
  readonly subscription: RoomSubscription
  readonly publish: (room: string, data: unknown, options: PublishOptions) => Promise<Position>
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
   * Publishes; without a connection it waits in a bounded queue. Resolves with the position that the publication got. Rejects with
   * `outcome_unknown` if the answer was lost: it may have happened, and who publishes again may do it twice.
   */
  publish (data: Data, options: PublishOptions = {}): Promise<Position> {
    return this.#parts.publish(this.name, data, options)
  }
}
