import type { Findings } from './findings.ts'
import type { Place } from './room-page.ts'

export interface StreamParts {
  readonly findings: Findings
  /** A publication was delivered. */
  readonly place: (place: Place, id: number) => void
  /** The numbering went on under another name. */
  readonly rename: (before: string, after: string) => void
  readonly gap: (before: Place, after: Place) => void
  readonly end: () => void
}

/** What one subscriber is told of one room, over all its connections, until it unsubscribes. Made by `DeliveryBook.stream`. */
export class Stream {
  readonly who: string
  readonly room: string
  readonly #parts: StreamParts
  #at: Place | undefined

  constructor (who: string, room: string, parts: StreamParts) {
    this.who = who
    this.room = room
    this.#parts = parts
  }

  /** The last place that it was told; undefined until it is subscribed. */
  get at (): Place | undefined { return this.#at }

  /** It is subscribed for the first time, or again without a word on what it missed. */
  subscribed (place: Place): void {
    const before = this.#at
    this.#at = place
    if (before === undefined) return
    if (place.offset !== before.offset) this.#parts.findings.note(`${this.who} is subscribed to ${this.room} at ${place.offset} after ${before.offset}, and was told of no hole`)
    if (place.epoch !== before.epoch) this.#parts.rename(before.epoch, place.epoch)
  }

  message (place: Place, id: number): void {
    const before = this.#at
    this.#at = place
    if (before === undefined) {
      this.#parts.findings.note(`${this.who} got publication ${id} of ${this.room} before it was subscribed`)
    } else {
      if (place.offset <= before.offset) this.#parts.findings.note(`${this.who} got publication ${id} of ${this.room} at ${place.offset} again, or late: it had got to ${before.offset}`)
      if (place.offset > before.offset + 1) this.#parts.findings.note(`${this.who} lacks what stands between ${before.offset} and ${place.offset} of ${this.room} under ${place.epoch}`)
      if (place.epoch !== before.epoch) this.#parts.rename(before.epoch, place.epoch)
    }
    this.#parts.place(place, id)
  }

  gap (place: Place): void {
    const before = this.#at
    this.#at = place
    if (before !== undefined) this.#parts.gap(before, place)
  }

  /** It unsubscribes, or is gone: what is published from now on is not for it. */
  end (): void {
    this.#parts.end()
  }
}
