import type { Connection } from './connection.ts'
import type { Registrar } from './registrar.ts'
import type { RoomKeeper } from './room-keeper.ts'
import { Turnstile } from './turnstile.ts'

/** How many connections are cleared at a time: enough to keep broker and store busy, and few enough for each to be done in its time. */
const DEPARTURES_AT_ONCE = 100

export interface DeparturesParts {
  readonly registrar: Registrar
  readonly rooms: RoomKeeper
}

/** Clears what is left of connections that have ended. A cut ends thousands in one turn, and what is asked meanwhile must still be answered. */
export class Departures {
  readonly #parts: DeparturesParts
  readonly #turnstile = new Turnstile(DEPARTURES_AT_ONCE)
  readonly #underWay = new Set<Promise<void>>()

  constructor (parts: DeparturesParts) {
    this.#parts = parts
  }

  /** Begins to clear what is left of a connection, which has ended. */
  add (connection: Connection): void {
    const departure = this.#turnstile.run(() => this.#clear(connection)).then(() => { this.#underWay.delete(departure) })
    this.#underWay.add(departure)
  }

  /** Resolves when all that have begun are over. From here on they do not wait for each other: there is no more time than for the slowest. */
  async finish (): Promise<void> {
    this.#turnstile.lift()
    await Promise.all(this.#underWay)
  }

  async #clear (connection: Connection): Promise<void> {
    const { registrar, rooms } = this.#parts
    await Promise.all([
      registrar.remove(connection),
      ...Array.from(connection.subscriptions.keys(), room => rooms.leave(connection, room))
    ])
  }
}
