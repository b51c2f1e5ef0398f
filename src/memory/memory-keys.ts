import type { PublishResult } from '../core/broker.ts'
import { RoomcastError } from '../core/errors.ts'
import { KEY_RETENTION_MS } from '../core/idempotency.ts'
import type { PublicationDraft } from '../core/publication.ts'

interface Remembered {
  readonly content: string
  readonly result: PublishResult
  readonly at: number
}

/** What publishes with an idempotency key came to, for as long as that is remembered. */
export class MemoryKeys {
  readonly #now: () => number
  /** By room and id, the oldest first. */
  readonly #remembered = new Map<string, Remembered>()

  constructor (now: () => number) {
    this.#now = now
  }

  /**
   * What the draft came to before; undefined if it did not, or has no key.
   * @throws RoomcastError `key_reused`
   */
  recall ({ room, idempotency }: PublicationDraft): PublishResult | undefined {
    if (idempotency === undefined) return undefined
    this.#forgetOld()
    const before = this.#remembered.get(nameOf(room, idempotency.id))
    if (before !== undefined && before.content !== idempotency.content) throw new RoomcastError('key_reused')
    return before?.result
  }

  remember ({ room, idempotency }: PublicationDraft, result: PublishResult): void {
    if (idempotency === undefined) return
    this.#remembered.set(nameOf(room, idempotency.id), { content: idempotency.content, result, at: this.#now() })
  }

  #forgetOld (): void {
    const tooOld = this.#now() - KEY_RETENTION_MS
    for (const [name, { at }] of this.#remembered) {
      if (at > tooOld) return
      this.#remembered.delete(name)
    }
  }
}

// An id holds no space.
function nameOf (room: string, id: string): string {
  return `${id} ${room}`
}
