import type { Room } from './room.ts'

/** Writes in one turn of the event loop; after that others have theirs. About three milliseconds' worth. */
const WRITES_PER_TURN = 1_000

/**
 * Gathers the rooms that got publications in this turn of the event loop, and lets each write once at the turn's end. Where that is much, it
 * is spread over turns, so that a room with very many subscriptions does not hold everything else up.
 */
export class Fanout {
  #rooms: Room[] = []
  #isScheduled = false

  /** Remembers a room until it has written all that it has. */
  readonly schedule = (room: Room): void => {
    this.#rooms.push(room)
    this.#scheduleTurn()
  }

  /** Writes everything that waits, now. */
  finish (): void {
    this.#write(Infinity)
  }

  #scheduleTurn (): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    // The check phase follows all reads of this turn, so whatever they brought shares a write.
    setImmediate(this.#onTurn)
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    this.#write(WRITES_PER_TURN)
    if (this.#rooms.length > 0) this.#scheduleTurn()
  }

  #write (most: number): void {
    const rooms = this.#rooms
    let left = most
    let next = 0
    for (; next < rooms.length && left > 0; next++) left -= rooms[next]?.write(left) ?? 0
    // Who has not had a turn comes before who has not finished.
    this.#rooms = [...rooms.slice(next), ...rooms.slice(0, next).filter(({ isFlushed }) => !isFlushed)]
  }
}
