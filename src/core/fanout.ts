import type { Distribution } from './distribution.ts'
import type { Room } from './room.ts'

/** Writes in one turn of the event loop; after that others have theirs. About five milliseconds' worth. */
const WRITES_PER_TURN = 1_000

/** A room whose write took so long rests before its next one, for this share of the time that it took. */
const MIN_BUSY_MS = 2
const REST_SHARE = 0.5
const MAX_REST_MS = 10

export interface FanoutParts {
  /** Takes how long the write of each room took, in seconds, without the turns of others in between. */
  readonly seconds: Distribution
  /** A clock that only goes forward, in milliseconds. */
  readonly now?: () => number
}

/**
 * Gathers the rooms that got publications in this turn of the event loop, and lets each write once at the turn's end. Where that is much, it
 * is spread over turns, so that a room with very many subscriptions does not hold everything else up. And where it took long, the room rests
 * and gathers a little longer: a write costs much more than what is in it, so a busy room gets more done by writing less often.
 */
export class Fanout {
  #rooms: Room[] = []
  #isScheduled = false
  /** Rooms that are in the middle of a write, and how long it took so far, in milliseconds. */
  readonly #busyMs = new Map<Room, number>()
  readonly #resting = new Set<Room>()
  readonly #seconds: Distribution
  readonly #now: () => number

  constructor ({ seconds, now = () => performance.now() }: FanoutParts) {
    this.#seconds = seconds
    this.#now = now
  }

  /** Remembers a room until it has written all that it has. */
  readonly schedule = (room: Room): void => {
    if (this.#resting.has(room)) return
    this.#rooms.push(room)
    this.#scheduleTurn()
  }

  /** Writes everything that waits, now. */
  finish (): void {
    for (const room of [...this.#rooms, ...this.#resting]) room.flush()
    this.#rooms = []
    this.#busyMs.clear()
  }

  #scheduleTurn (): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    // The check phase follows all reads of this turn, so whatever they brought shares a write.
    setImmediate(this.#onTurn)
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    const rooms = this.#rooms
    this.#rooms = []
    let left = WRITES_PER_TURN
    let next = 0
    for (let room = rooms[next]; room !== undefined && left > 0; room = rooms[++next]) left -= this.#write(room, left)
    // Who has not had a turn comes before who has not finished.
    this.#rooms = [...rooms.slice(next), ...this.#rooms]
    if (this.#rooms.length > 0) this.#scheduleTurn()
  }

  #write (room: Room, most: number): number {
    const startedAt = this.#now()
    const count = room.write(most)
    const busyMs = (this.#busyMs.get(room) ?? 0) + this.#now() - startedAt
    if (room.isWriting) {
      this.#busyMs.set(room, busyMs)
      this.#rooms.push(room)
      return count
    }
    this.#busyMs.delete(room)
    this.#seconds.add(busyMs / 1_000)
    if (busyMs >= MIN_BUSY_MS) this.#rest(room, Math.min(busyMs * REST_SHARE, MAX_REST_MS))
    else if (!room.isFlushed) this.#rooms.push(room)
    return count
  }

  #rest (room: Room, ms: number): void {
    this.#resting.add(room)
    setTimeout(() => {
      this.#resting.delete(room)
      if (!room.isFlushed) this.schedule(room)
    }, ms)
  }
}
