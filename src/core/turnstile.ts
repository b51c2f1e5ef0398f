/** Lets so many tasks run at a time; the others wait for their turn, in the order in which they came. */
export class Turnstile {
  readonly #waiting: Array<() => void> = []
  #places: number

  constructor (places: number) {
    this.#places = places
  }

  /** Runs a task when its turn comes. */
  async run<Result> (task: () => Promise<Result>): Promise<Result> {
    if (this.#places > 0) this.#places--
    else await new Promise<void>(resolve => { this.#waiting.push(resolve) })
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#places++
      else next()
    }
  }

  /** From now on nobody waits. */
  lift (): void {
    this.#places = Infinity
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
