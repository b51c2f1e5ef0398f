import type { Connection } from './connection.ts'

/** What waits in the socket of one connection. */
export interface Waiting<Who> {
  readonly who: Who
  readonly bytes: number
}

/**
 * Who has to go so that what waits in all sockets is within a limit: those with most waiting, and no more of them than it takes.
 */
export function excess<Who> (waiting: readonly Waiting<Who>[], maxBytes: number): Who[] {
  let total = waiting.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total <= maxBytes) return []
  const gone: Who[] = []
  for (const { who, bytes } of waiting.toSorted((a, b) => b.bytes - a.bytes)) {
    if (total <= maxBytes) break
    total -= bytes
    gone.push(who)
  }
  return gone
}

export interface BacklogParts {
  readonly connections: () => Iterable<Connection>
  readonly maxBytes: number
}

/** What may be added between two looks at all sockets: this share of the limit, by which it may so be exceeded. */
const LOOK_SHARE = 1 / 8

/**
 * Holds what waits in all sockets together to a limit. To count it exactly, each socket would have to be looked at; so what is written to sockets that
 * had something waiting is summed up, which is never less than what was added, and only when that is much, or a second has passed, they are.
 */
export class Backlog {
  readonly #parts: BacklogParts
  #addedBytes = 0
  #isDue = false

  constructor (parts: BacklogParts) {
    this.#parts = parts
  }

  /** Notes a write that was not taken at once. */
  add (bytes: number): void {
    this.#addedBytes += bytes
    if (this.#isDue || this.#addedBytes < this.#parts.maxBytes * LOOK_SHARE) return
    this.#isDue = true
    // Not at once: whoever writes may be in the middle of a room.
    setImmediate(() => { this.shed() })
  }

  /** Ends the connections with most waiting until the others are within the limit. */
  shed (): void {
    this.#isDue = false
    this.#addedBytes = 0
    const waiting: Array<Waiting<Connection>> = []
    for (const connection of this.#parts.connections()) {
      const bytes = connection.transport.bufferedBytes
      if (bytes > 0) waiting.push({ who: connection, bytes })
    }
    for (const connection of excess(waiting, this.#parts.maxBytes)) connection.close('slowConsumer')
  }
}
