export interface PursuitParts {
  /** Tries once; whether it succeeded. Must not reject. */
  readonly attempt: () => Promise<boolean>
  /** How long to wait after a failure, in milliseconds. */
  readonly retryMs: number
}

/** Something that is done again until it succeeds, one attempt at a time: begun anew meanwhile, it is done once more after the attempt that is under way. */
export class Pursuit {
  readonly #parts: PursuitParts
  #running: Promise<void> | undefined
  #isDue = false
  #isStopped = false

  constructor (parts: PursuitParts) {
    this.#parts = parts
  }

  /** Resolves when it is done, or given up. Never rejects. */
  begin (): Promise<void> {
    this.#isDue = true
    this.#running ??= this.#run()
    return this.#running
  }

  /** Gives up, for good. */
  stop (): void {
    this.#isStopped = true
  }

  async #run (): Promise<void> {
    const { attempt, retryMs } = this.#parts
    while (this.#isDue && !this.#isStopped) {
      this.#isDue = false
      if (await attempt()) continue
      this.#isDue = true
      await new Promise(resolve => { setTimeout(resolve, retryMs) })
    }
    this.#running = undefined
  }
}
