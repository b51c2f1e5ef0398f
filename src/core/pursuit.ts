export interface PursuitParts {
  /** Tries once; whether it succeeded. Must not reject. */
  readonly attempt: () => Promise<boolean>
  /** How long to wait after a failure, in milliseconds. */
  readonly retryMs: number
}

/** Something that is done again until it succeeds. Begun anew, it starts over, and whoever was at it gives up. */
export class Pursuit {
  readonly #parts: PursuitParts
  #runs = 0
  #isStopped = false

  constructor (parts: PursuitParts) {
    this.#parts = parts
  }

  /** Resolves when it is done, or given up. Never rejects. */
  async begin (): Promise<void> {
    const run = ++this.#runs
    while (run === this.#runs && !this.#isStopped && !(await this.#parts.attempt())) {
      await new Promise(resolve => { setTimeout(resolve, this.#parts.retryMs) })
    }
  }

  /** Gives up, for good. */
  stop (): void {
    this.#isStopped = true
  }
}
