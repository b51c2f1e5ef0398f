import type { Claims } from './claims.ts'
import type { Connection } from './connection.ts'
import type { Control } from './control.ts'
import { RoomcastError } from './errors.ts'
import type { Hub } from './hub.ts'
import type { Logger } from './logger.ts'
import type { Meters } from './meters.ts'
import { Pursuit } from './pursuit.ts'
import type { RevocationStore } from './revocation-store.ts'
import { concerns, identityOf, Revocations, type Revocation } from './revocations.ts'
import type { RoomKeeper } from './room-keeper.ts'

/** How soon this node's list is compared with the store's again where that failed, in milliseconds. */
const SYNC_RETRY_MS = 500

export interface RevokerParts {
  readonly store: RevocationStore
  readonly control: Control
  readonly hub: Hub
  readonly rooms: RoomKeeper
  readonly now: () => number
  readonly meters: Meters
  readonly log: Logger
}

/** Makes revocations hold: at once for what is connected, and from then on for whoever comes, on every node. */
export class Revoker {
  readonly #parts: RevokerParts
  readonly #revocations = new Revocations()
  readonly #sync = new Pursuit({ attempt: () => this.#compare(), retryMs: SYNC_RETRY_MS })

  constructor (parts: RevokerParts) {
    this.#parts = parts
  }

  /** @throws RoomcastError `unauthorized` for a token that was revoked whole */
  assertValid (claims: Claims): void {
    if (this.isRevoked(claims)) throw new RoomcastError('unauthorized', { message: 'The token was revoked' })
  }

  isRevoked (claims: Claims): boolean {
    return this.#revocations.isRevoked(claims, this.#parts.now())
  }

  isBanned (claims: Claims, room: string): boolean {
    return this.#revocations.isBanned(claims, room, this.#parts.now())
  }

  /** @throws RoomcastError `room_forbidden` where the token is banned from a room */
  assertNotBanned (claims: Claims, room: string): void {
    if (this.isBanned(claims, room)) throw new RoomcastError('room_forbidden', { message: 'The token is banned from this room' })
  }

  /**
   * Revokes on every node: those that are cut off follow when they are back, those that start later begin with it.
   * @throws RoomcastError `limit_exceeded`, `unavailable`; `outcome_unknown` where some nodes may hold to it already: the same again completes it
   */
  async revoke (revocation: Revocation): Promise<void> {
    const { store, control } = this.#parts
    await store.add(revocation)
    await control.send({ type: 'revoke', revocation }).catch(cause => { throw new RoomcastError('outcome_unknown', { cause }) })
  }

  /** Takes a revocation that was made, and ends what it is about. */
  apply (revocation: Revocation): void {
    if (!this.#revocations.add(revocation)) return
    this.#parts.meters.revocations++
    this.#parts.log.debug({ revocation }, 'a revocation holds')
    for (const connection of this.#parts.hub.connections()) {
      if (!concerns(revocation, connection.claims)) continue
      if (revocation.room === undefined) connection.close('tokenExpired')
      else this.#ban(connection, revocation.room)
    }
  }

  /**
   * Learns what the store keeps.
   * @throws RoomcastError `unavailable`
   */
  async learn (): Promise<Revocation[]> {
    const kept = await this.#parts.store.all()
    for (const revocation of kept) this.apply(revocation)
    return kept
  }

  /** After an interruption: learns what was missed, and tells the store what it has lost, again until it succeeds. Never rejects. */
  sync (): Promise<void> {
    return this.#sync.begin()
  }

  /** Gives up what is still being tried, and tries nothing more. */
  stop (): void {
    this.#sync.stop()
  }

  async #compare (): Promise<boolean> {
    const { store, now, log } = this.#parts
    try {
      const kept = new Set((await this.learn()).map(identityOf))
      const lost = this.#revocations.all(now()).filter(revocation => !kept.has(identityOf(revocation)))
      for (const revocation of lost) await store.add(revocation)
      return true
    } catch (error) {
      // The store's own trouble is logged once, where it is noticed, not once a try.
      log[error instanceof RoomcastError ? 'debug' : 'error']({ err: error }, 'the revocations could not be compared yet')
      return false
    }
  }

  #ban (connection: Connection, room: string): void {
    this.#end(connection, room)
    // A subscribe that is under way was allowed before.
    connection.enqueue(async () => { this.#end(connection, room) })
  }

  #end (connection: Connection, room: string): void {
    if (!connection.subscriptions.has(room)) return
    this.#parts.rooms.leave(connection, room)
    connection.send({ type: 'unsubscribed', room, code: 'room_forbidden' })
  }
}
