import { idempotencyKey } from './idempotency.ts'
import type { RealtimeNode } from './node.ts'
import type { NodeEvents } from './node-events.ts'
import { assertPublicRoom, assertUserId } from './names.ts'
import { orderedClose, type OrderedCode } from './ordered-close.ts'
import { encodePayload } from './payload.ts'
import type { PublicationDraft } from './publication.ts'
import type { Published } from './publish-all.ts'
import { assertRevocation, type Revocation } from './revocations.ts'
import { roomsOf, type PublishTarget } from './targets.ts'

export interface PublishOptions {
  /** A connection that gets no copy. */
  readonly except?: string | undefined
  /** Whether it is sent to whoever is there and not kept: it gets no position, and who is away misses it. */
  readonly volatile?: boolean | undefined
  /** Makes a retry safe: for five minutes the same under the same key is published once, and something else is refused. */
  readonly key?: string | undefined
  /** Whose key it is: keys of different callers never meet. */
  readonly caller?: string | undefined
}

/** One publish of a batch. */
export interface PublishRequest extends PublishOptions {
  readonly target: PublishTarget
  /** Any JSON. */
  readonly data: unknown
}

/** Whose connections are to end: all of a user, or all but one, or a single one. */
export type DisconnectTarget =
  | { readonly user: string, readonly except?: string | undefined, readonly connection?: undefined }
  | { readonly connection: string, readonly user?: undefined, readonly except?: undefined }

export interface DisconnectOptions {
  /** What the client shall do: not come back (4403, which is what it is if left out), come back at once (1001), or with a new token (4401). */
  readonly code?: OrderedCode | undefined
  /** Stands in the close frame; 1 to 123 bytes. Absent: the words that the code has. */
  readonly reason?: string | undefined
}

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
   * @param data any JSON, no larger than a frame
   * @returns the position in each room, in the order named
   * @throws RoomcastError `request_invalid`, `room_invalid`, `room_forbidden`, `user_invalid`, `payload_invalid`, `payload_too_large`,
   *   `publication_refused`, `key_reused`, `unavailable`; these change nothing. `outcome_unknown` where it may have happened, in some or all
   *   of the rooms: of several rooms it is a PartlyPublishedError, which says of which
   */
  async publish (target: PublishTarget, data: unknown, options: PublishOptions = {}): Promise<Published[]> {
    return this.#node.publish(this.#drafts({ target, data, ...options }))
  }

  /**
   * Does many publishes in one go, in their order; one that fails does not stop the others.
   * @returns what each came to, as `publish` would have resolved or rejected
   */
  publishBatch (requests: readonly PublishRequest[]): Promise<Array<PromiseSettledResult<Published[]>>> {
    return this.#node.publishBatch(requests.map(request => () => this.#drafts(request)))
  }

  /**
   * Revokes tokens on every node: by user, by `jti`, by time of issue, or those that fit several of these. What is connected by one of them ends
   * within a second, with 4401; with `room` only what is subscribed to that room, and the token allows nothing there any more.
   * @param revocation `issuedBefore` and `expiresAt` in milliseconds since 1970; it is remembered until `expiresAt`
   * @throws RoomcastError `request_invalid`, `room_invalid`, `room_forbidden`, `user_invalid`, `limit_exceeded`, `unavailable`; these change
   *   nothing. `outcome_unknown` where it may hold already, on some nodes or all: the same again completes it
   */
  async revoke (revocation: Revocation): Promise<void> {
    assertRevocation(revocation, this.#node.now())
    await this.#node.revoker.revoke(revocation)
  }

  /**
   * Disconnects on every node, those that are cut off when they are back. Who comes later is let in: to keep a user out, `revoke`.
   * @returns how many connections presence knew of
   * @throws RoomcastError `request_invalid`, `user_invalid`; `connection_unknown` where a single one is not live; `unavailable`. These change
   *   nothing. `outcome_unknown` where it may happen
   */
  async disconnect (target: DisconnectTarget, options: DisconnectOptions = {}): Promise<number> {
    const close = orderedClose(options)
    const { steering } = this.#node
    if (target.connection !== undefined) {
      await steering.disconnect(target.connection, close)
      return 1
    }
    assertUserId(target.user)
    return steering.disconnectUser(target.user, { ...close, except: target.except })
  }

  /**
   * Subscribes a user's live connections to a room on every node, whatever their tokens say of it, but for those that are banned from it.
   * @returns how many connections presence knew of
   * @throws RoomcastError `user_invalid`, `room_invalid`, `room_forbidden`, `unavailable`; these change nothing. `outcome_unknown` where it may happen
   */
  async subscribe (userId: string, room: string): Promise<number> {
    return this.#setMembership('subscribe', userId, room)
  }

  /**
   * Ends the subscriptions of a user's live connections to a room on every node, whoever began them. What the token allows may begin again.
   * @returns and throws as `subscribe`
   */
  async unsubscribe (userId: string, room: string): Promise<number> {
    return this.#setMembership('unsubscribe', userId, room)
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

  #setMembership (type: 'subscribe' | 'unsubscribe', userId: string, room: string): Promise<number> {
    assertUserId(userId)
    assertPublicRoom(room)
    return this.#node.steering.setMembership(type, userId, room)
  }

  #drafts ({ target, data, except, volatile, key, caller = 'host' }: PublishRequest): PublicationDraft[] {
    const rooms = roomsOf(target)
    const text = encodePayload(data, this.#node.settings.maxFrameBytes)
    const idempotency = key === undefined ? undefined : idempotencyKey(caller, key, [text, except, volatile === true])
    return rooms.map(room => ({ room, data: text, except, volatile, idempotency }))
  }
}
