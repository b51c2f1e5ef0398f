import type { Findings } from './findings.ts'
import { RoomPage, type Place } from './room-page.ts'
import { Stream } from './stream.ts'

/**
 * Keeps account of every publication: what was accepted or refused, and what reached whom. Each subscription must be told one place after the
 * other, from where it began to the end, all must be told the same at the same place, and nothing that was refused. A hole may be told only
 * where Redis lost what it had.
 */
export class DeliveryBook {
  readonly findings: Findings
  accepted = 0
  refused = 0
  delivered = 0
  gaps = 0
  readonly #pages = new Map<string, RoomPage>()
  readonly #streams = new Set<Stream>()
  /** Counts what happens, so that one thing can be said to be before another. */
  #tick = 0
  /** When Redis lost everything: the first moments at which it was up again with nothing; Infinity while it is not. */
  readonly #losses: number[] = []

  constructor (findings: Findings) {
    this.findings = findings
  }

  /** A publish was answered with a place. */
  accept (room: string, place: Place, id: number): void {
    this.accepted++
    this.#place(room, place, id)
  }

  /** A publish was refused for good: nobody may ever be told of it. */
  refuse (room: string, id: number): void {
    this.refused++
    const page = this.#page(room)
    page.refused.add(id)
    const place = page.placeOf(id)
    if (place !== undefined) this.findings.note(`publication ${id} of ${room} was refused, and stands at ${told(place)}`)
  }

  /** Redis is about to lose everything. */
  losing (): void {
    this.#losses.push(Infinity)
  }

  /** Redis has lost everything, and is back. */
  hasLost (): void {
    this.#losses.splice(-1, 1, ++this.#tick)
  }

  /** Somebody subscribes to a room; what it is told is told to the stream. */
  stream (who: string, room: string): Stream {
    const stream = new Stream(who, room, {
      findings: this.findings,
      place: (place, id) => {
        this.delivered++
        this.#place(room, place, id)
      },
      rename: (before, after) => { this.#page(room).join(this.#page(room).epoch(before, ++this.#tick), this.#page(room).epoch(after, ++this.#tick)) },
      gap: (before, after) => {
        this.gaps++
        this.#page(room).epoch(after.epoch, ++this.#tick)
        if (!this.#isExcused(room, before, after)) this.findings.note(`${who} was told a hole in ${room} from ${told(before)} to ${told(after)}, and Redis had lost nothing`)
      },
      end: () => { this.#streams.delete(stream) }
    })
    this.#streams.add(stream)
    return stream
  }

  /** Subscriptions that have not got to the last place of their room yet, in words. */
  behind (lasts: ReadonlyMap<string, Place>): string[] {
    return [...this.#streams].flatMap(stream => {
      const last = lasts.get(stream.room)
      return last === undefined || stream.at?.offset === last.offset ? [] : [`${stream.who} is at ${told(stream.at)} of ${stream.room}, which got to ${told(last)}`]
    })
  }

  /** The run is over: all subscriptions that are left must stand at the last place of their room, and each room must be one whole. */
  close (lasts: ReadonlyMap<string, Place>): void {
    for (const what of this.behind(lasts)) this.findings.note(what)
    for (const [room, last] of lasts) this.#page(room).check(last, what => { this.findings.note(`${room}: ${what}`) })
    for (const { who, room, at } of this.#streams) {
      const last = lasts.get(room)
      if (at === undefined || last === undefined || this.#page(room).isOneNumbering(at.epoch, last.epoch)) continue
      this.findings.note(`${who} follows ${room} under ${at.epoch}, which does not lead to ${last.epoch}`)
    }
  }

  #place (room: string, place: Place, id: number): void {
    const page = this.#page(room)
    const { ids } = page.epoch(place.epoch, ++this.#tick)
    const other = ids.get(place.offset)
    if (other === id) return
    if (other !== undefined) this.findings.note(`${told(place)} of ${room} is publication ${id}, and was ${other}`)
    if (page.refused.has(id)) this.findings.note(`publication ${id} of ${room} was refused, and stands at ${told(place)}`)
    const before = page.placeOf(id)
    if (before !== undefined && before.offset !== place.offset && !this.#isExcused(room, before, place)) {
      this.findings.note(`publication ${id} of ${room} stands at ${told(before)} and at ${told(place)}`)
    }
    page.put(place, id)
  }

  /** Whether Redis lost the numbering of the first place, so that another had to begin. */
  #isExcused (room: string, before: Place, after: Place): boolean {
    const { firstTick } = this.#page(room).epoch(before.epoch, this.#tick)
    return before.epoch !== after.epoch && this.#losses.some(upAgain => firstTick <= upAgain)
  }

  #page (room: string): RoomPage {
    let page = this.#pages.get(room)
    if (page === undefined) this.#pages.set(room, page = new RoomPage())
    return page
  }
}

function told (place: Place | undefined): string {
  return place === undefined ? 'no place' : `${place.epoch} ${place.offset}`
}
