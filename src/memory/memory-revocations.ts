import { RoomcastError } from '../core/errors.ts'
import { MAX_REVOCATIONS, type RevocationStore } from '../core/revocation-store.ts'
import { identityOf, type Revocation } from '../core/revocations.ts'

export interface MemoryRevocationsParts {
  readonly most?: number
  readonly now?: () => number
}

/** The revocations of one process: they end with it. */
export class MemoryRevocations implements RevocationStore {
  readonly #most: number
  readonly #now: () => number
  readonly #kept = new Map<string, Revocation>()
  #isClosed = false

  constructor ({ most = MAX_REVOCATIONS, now = Date.now }: MemoryRevocationsParts = {}) {
    this.#most = most
    this.#now = now
  }

  async add (revocation: Revocation): Promise<void> {
    this.#assertOpen()
    this.#forgetOld()
    if (this.#kept.size >= this.#most && !this.#kept.has(identityOf(revocation))) throw new RoomcastError('limit_exceeded')
    this.#kept.set(identityOf(revocation), revocation)
  }

  async all (): Promise<Revocation[]> {
    this.#assertOpen()
    this.#forgetOld()
    return [...this.#kept.values()]
  }

  async close (): Promise<void> {
    this.#isClosed = true
  }

  #forgetOld (): void {
    for (const [key, { expiresAt }] of this.#kept) {
      if (expiresAt <= this.#now()) this.#kept.delete(key)
    }
  }

  #assertOpen (): void {
    if (this.#isClosed) throw new RoomcastError('unavailable')
  }
}
