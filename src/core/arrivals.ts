import { admit, type AdmissionParts } from './admission.ts'
import type { Connection } from './connection.ts'
import { RoomcastError } from './errors.ts'
import { enterFirstRooms, welcome } from './opening.ts'
import { Turnstile } from './turnstile.ts'

/**
 * How many connections open at a time. A cut brings thousands back at once: this is enough to keep broker and store busy, and few enough for each
 * to be answered in its time.
 */
const ARRIVALS_AT_ONCE = 100

/** How long a connection that announced a resume is waited for, in milliseconds. */
const RESUME_TIMEOUT_MS = 5_000

/** Opens connections: waits for what they resume, registers them, enters their first rooms, and welcomes them. */
export class Arrivals {
  readonly #parts: AdmissionParts
  readonly #turnstile = new Turnstile(ARRIVALS_AT_ONCE)

  constructor (parts: AdmissionParts) {
    this.#parts = parts
  }

  /**
   * The first task in a connection's line. Where it may not open, it is closed with the reason.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  async open (connection: Connection, mode: 'new' | 'resume'): Promise<void> {
    const { node } = this.#parts
    const { connectionId, userId } = connection
    try {
      const resumed = mode === 'resume' ? await connection.resumption(RESUME_TIMEOUT_MS) : undefined
      connection.resumedId = resumed?.connectionId
      await this.#turnstile.run(async () => {
        connection.assertOpen()
        await admit(this.#parts, connection)
        const opening = await enterFirstRooms(node, connection, resumed)
        connection.assertOpen()
        welcome(node, connection, opening)
      })
    } catch (error) {
      if (connection.isOpen) this.#refuse(connection, error)
      else node.log.debug({ connectionId, userId }, 'the connection ended before its welcome')
    }
  }

  /** The welcome is the first frame always: who gets none learns from the code, and may ask over HTTP for more. */
  #refuse (connection: Connection, error: unknown): void {
    if (!(error instanceof RoomcastError) || error.code !== 'limit_exceeded') throw error
    connection.close('flooding')
  }
}
