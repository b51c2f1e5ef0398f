import type { Position, Publication } from './publication.ts'
import type { HistoryPolicy } from './room-policies.ts'

/** The most publications that one room's tail keeps on a node, whatever its policy; so a replay never holds more. */
export const MAX_TAIL_LENGTH = 1_000

/** The most bytes of payload that it keeps. */
const MAX_TAIL_BYTES = 1_048_576

/**
 * The end of a room's history in a node's memory: consecutive publications up to the room's position. It obeys the policy's size and
 * age, and is only as good as the node's subscription: where that was interrupted, and could not be healed, it begins anew.
 */
export class Tail {
  readonly #policy: HistoryPolicy
  #publications: Publication[] = []
  /** Index of the oldest that is still part of the tail. */
  #first = 0
  #bytes = 0
  /** How far the node's clock is ahead of the broker's, which the publications carry. */
  #skewMs = 0

  constructor (policy: HistoryPolicy) {
    this.#policy = { ...policy, size: Math.min(policy.size, MAX_TAIL_LENGTH) }
  }

  /** Takes the publication that follows on what is here. */
  push (publication: Publication, now: number): void {
    if (this.#policy.size === 0) return
    this.#skewMs = now - publication.at
    this.#publications.push(alone(publication))
    this.#bytes += publication.data.length
    this.#trim(now)
  }

  /** Puts before what is here what came before it; what does not reach up to it is of no use. */
  extend (older: readonly Publication[], end: Position, now: number): void {
    const present = this.#publications.slice(this.#first)
    const first = present[0]?.offset ?? end.offset + 1
    const missing = older.filter(({ offset }) => offset < first)
    if (missing.at(-1)?.offset !== first - 1) return
    this.#publications = [...missing.map(alone), ...present]
    this.#first = 0
    this.#bytes = this.#publications.reduce((sum, { data }) => sum + data.length, 0)
    this.#trim(now)
  }

  /** The publications after an offset up to the end; undefined if some of them are not here. */
  after (offset: number, end: Position, now: number): Publication[] | undefined {
    if (offset === end.offset) return []
    this.#trim(now)
    const first = this.#publications[this.#first]?.offset
    if (first === undefined || offset < first - 1 || offset > end.offset) return undefined
    return this.#publications.slice(this.#first + offset - first + 1)
  }

  clear (): void {
    this.#publications = []
    this.#first = 0
    this.#bytes = 0
  }

  get #length (): number { return this.#publications.length - this.#first }

  /** Drops what the policy does not allow. In the array it goes once half of it is dropped, so that a publication costs the same in a long tail. */
  #trim (now: number): void {
    const { size, ttlMs } = this.#policy
    for (; this.#first < this.#publications.length; this.#first++) {
      const oldest = this.#publications[this.#first]
      const isYoung = oldest !== undefined && now - this.#skewMs - oldest.at < ttlMs
      if (isYoung && this.#length <= size && this.#bytes <= MAX_TAIL_BYTES) break
      this.#bytes -= oldest?.data.length ?? 0
    }
    if (this.#first * 2 < this.#publications.length) return
    this.#publications = this.#publications.slice(this.#first)
    this.#first = 0
  }
}

/** A publication with its payload alone. As the broker hands it over it may be a part of all that arrived with it, which would be kept too. */
function alone (publication: Publication): Publication {
  const { data } = publication
  return data.buffer.byteLength > 2 * data.length ? { ...publication, data: new Uint8Array(data) } : publication
}
