import type { Room } from './room.ts'

/** Gathers the rooms that got publications in this turn of the event loop, and lets each write once at the turn's end. */
export class Fanout {
  #rooms: Room[] = []

  /** Remembers a room until the end of the turn. */
  readonly schedule = (room: Room): void => {
    this.#rooms.push(room)
    // The check phase follows all reads of this turn, so whatever they brought shares a write.
    if (this.#rooms.length === 1) setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    const rooms = this.#rooms
    this.#rooms = []
    for (const room of rooms) room.flush()
  }
}
