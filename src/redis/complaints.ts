import type { Logger } from '../core/logger.ts'

const INTERVAL_MS = 5_000

/** Logs what goes wrong again and again at most every few seconds, and then how often it was not told: a Redis that is down fails many times a second. */
export class Complaints {
  readonly #log: Logger
  readonly #last = new Map<string, { at: number, silenced: number }>()

  constructor (log: Logger) {
    this.#log = log
  }

  warn (what: object, message: string): void {
    const last = this.#last.get(message) ?? { at: -Infinity, silenced: 0 }
    this.#last.set(message, last)
    if (performance.now() - last.at < INTERVAL_MS) {
      last.silenced++
      return
    }
    this.#log.warn({ ...what, silenced: last.silenced }, message)
    last.at = performance.now()
    last.silenced = 0
  }
}
