import { RoomcastError } from '../core/errors.ts'
import { MAX_REVOCATIONS, type RevocationStore } from '../core/revocation-store.ts'
import { identityOf, type Revocation } from '../core/revocations.ts'
import { call, callForGood, type CallParts } from './redis-calls.ts'
import type { RedisKeys } from './redis-keys.ts'

export interface RedisRevocationsParts extends CallParts {
  readonly keys: RedisKeys
  readonly most?: number
}

/** The revocations of many nodes: one sorted set, by when they expire. */
export class RedisRevocations implements RevocationStore {
  readonly #parts: RedisRevocationsParts
  #isClosed = false

  constructor (parts: RedisRevocationsParts) {
    this.#parts = parts
  }

  async add (revocation: Revocation): Promise<void> {
    this.#assertOpen()
    const { keys, most = MAX_REVOCATIONS } = this.#parts
    const kept = await callForGood(this.#parts, keys.revocations(), (publisher, { notAfter }) =>
      publisher.roomcastRevoke(keys.revocations(), notAfter, revocation.expiresAt, identityOf(revocation), most))
    if (kept === 0) throw new RoomcastError('limit_exceeded')
  }

  async all (): Promise<Revocation[]> {
    this.#assertOpen()
    const { keys } = this.#parts
    const texts = await call(this.#parts, keys.revocations(), (publisher, { notAfter }) => publisher.roomcastRevocations(keys.revocations(), notAfter))
    return texts.map(text => JSON.parse(text) as Revocation)
  }

  async close (): Promise<void> {
    this.#isClosed = true
  }

  #assertOpen (): void {
    if (this.#isClosed) throw new RoomcastError('unavailable')
  }
}
