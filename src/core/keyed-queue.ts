/** Runs tasks of one key one after the other, in the order in which they came; tasks of different keys do not wait for each other. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Resolves or rejects as the task does; a task that fails does not stop those behind it. */
  run<Result> (key: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key)
    const result = before === undefined ? task() : before.then(task)
    const tail = result.then(ignore, ignore).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    this.#tails.set(key, tail)
    return result
  }

  /** Keys with a task under way or waiting. */
  get size (): number { return this.#tails.size }

  /** Resolves when every task that is known now has ended. */
  async idle (): Promise<void> {
    await Promise.all(this.#tails.values())
  }
}

function ignore (): void {}
