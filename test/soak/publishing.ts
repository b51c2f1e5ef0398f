import { setTimeout as delay } from 'node:timers/promises'
import type { DeliveryBook } from './delivery-book.ts'
import type { Place } from './room-page.ts'

/** What one attempt to publish came to. */
export type Answer =
  | { readonly kind: 'published', readonly place: Place }
  /** It did not happen and will not. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown' }

const AGAIN_MS = 500
/** Redis may be away for some seconds, several times in a row; keys are kept for five minutes. */
const KNOWN_MS = 120_000

/** Publishes until it is known what became of each publication: one whose outcome is unknown is published again under its key. */
export class Publishes {
  readonly #book: DeliveryBook
  /** Attempts whose outcome was unknown. */
  unknown = 0
  /** Publications whose outcome is not known yet. */
  open = 0

  constructor (book: DeliveryBook) {
    this.#book = book
  }

  /** Resolves when it is known, with the place that it got, or when it was tried for too long. Never rejects. */
  async settle (room: string, id: number, attempt: (key: string) => Promise<Answer>): Promise<Place | undefined> {
    const until = performance.now() + KNOWN_MS
    this.open++
    try {
      let wasUnknown = false
      while (performance.now() < until) {
        const answer = await attempt(`soak-${id}`)
        if (answer.kind === 'published') {
          this.#book.accept(room, answer.place, id)
          return answer.place
        }
        // What this attempt did not do, the one before may have done.
        if (answer.kind === 'refused' && !wasUnknown) {
          this.#book.refuse(room, id)
          return undefined
        }
        if (answer.kind === 'unknown') this.unknown++
        wasUnknown = true
        await delay(AGAIN_MS)
      }
      this.#book.findings.note(`it is not known after ${KNOWN_MS / 1_000} s what became of publication ${id} of ${room}`)
    } catch (error) {
      this.#book.findings.note(`publication ${id} of ${room}: ${String(error)}`)
    } finally {
      this.open--
    }
    return undefined
  }
}
