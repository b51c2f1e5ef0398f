import type { Connection } from './connection.ts'
import { entryKeyOf, type PresenceEntry, type Vouched } from './presence-entry.ts'
import type { Room } from './room.ts'
import type { Position } from './publication.ts'

/**
 * A connection's subscription to a room. It is entered first (the node is subscribed, the position known), and opened when its
 * `subscribed` or `welcome` is written; from then on it gets every publication above its floor.
 */
export class Subscription implements Vouched {
  readonly room: Room
  readonly connection: Connection
  assertedAt = 0
  /** Whether the API gave it: then it stands although the token may not grant it. */
  isGiven = false
  #floor = Infinity
  #state: 'entered' | 'open' | 'ended' = 'entered'

  constructor (room: Room, connection: Connection) {
    this.room = room
    this.connection = connection
  }

  get isOpen (): boolean { return this.#state === 'open' }

  get entryKey (): string { return entryKeyOf(this.entry()) }
  get isWanted (): boolean { return this.#state !== 'ended' }

  entry (): PresenceEntry {
    const { connectionId, userId, info } = this.connection
    return { kind: 'member', connectionId, userId, room: this.room.name, info }
  }

  /** Offsets up to this one are not written: they were before the subscription, or are in the batch that it opened behind. */
  get floor (): number { return this.#floor }

  /**
   * Begins delivery after the room's present position, which the caller tells the client in the same turn. Doing it again only
   * answers the position; what waits for the turn's end goes out before, so that it is never behind the answer that covers it.
   */
  open (): Position {
    const { epoch, offset } = this.room.position
    const position = { epoch, offset }
    if (this.#state === 'open') {
      this.room.flushHeld(this)
      return position
    }
    this.#floor = position.offset
    this.#state = 'open'
    return position
  }

  /** A new epoch numbers from another start: the old floor means nothing in it. */
  rebase (floor: number): void {
    this.#floor = floor
  }

  /** Ends delivery at once: nothing is written any more, also of what is waiting for the end of this turn. */
  end (): void {
    this.#state = 'ended'
  }
}
