import type { PublishResult } from './broker.ts'
import type { RealtimeNode } from './node.ts'
import type { NodeEvents } from './node-events.ts'
import { encodePayload } from './payload.ts'
import { roomsOf, type AddressedRoom, type PublishTarget } from './targets.ts'

export interface PublishOptions {
  /** A connection that gets no copy. */
  readonly except?: string | undefined
}

/** One room that was published to; `user` where it is the personal room of one. */
export type Published = PublishResult & Pick<AddressedRoom, 'user'>

/** `app.realtime`: what the host of Roomcast can do and hear, without a connection of its own. */
export class Realtime {
  readonly #node: RealtimeNode

  constructor (node: RealtimeNode) {
    this.#node = node
  }

  /** Connections on this node. */
  get connectionCount (): number { return this.#node.connectionCount }

  /**
   * Publishes to a room, several rooms, a user, several users or everyone, on every node. A name given twice counts once.
   * @param data any JSON
   * @returns the position in each room, in the order named
   * @throws RoomcastError `request_invalid`, `room_invalid`, `room_forbidden`, `user_invalid`, `payload_invalid`, `publication_refused`,
   *   `unavailable`; these change nothing. `outcome_unknown` where it may have happened, in some or all of the rooms
   */
  async publish (target: PublishTarget, data: unknown, { except }: PublishOptions = {}): Promise<Published[]> {
    const rooms = roomsOf(target)
    const text = encodePayload(data)
    const results = await this.#node.publish(rooms.map(({ room }) => ({ room, data: text, except })))
    return results.map((result, index) => ({ ...result, ...rooms[index] }))
  }

  /** Listens to what happens on this node. What a listener throws is logged and stays with it. */
  on<Name extends keyof NodeEvents> (name: Name, listener: (...args: NodeEvents[Name]) => void): this {
    this.#node.events.on(name, listener)
    return this
  }

  off<Name extends keyof NodeEvents> (name: Name, listener: (...args: NodeEvents[Name]) => void): this {
    this.#node.events.off(name, listener)
    return this
  }
}
