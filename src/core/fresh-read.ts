/**
 * Shares reads among those who wait. A caller gets what was read after the call, never what was under way before it: those who come
 * while a read is under way share the next one. So however many ask at once, there are two reads.
 */
export class FreshRead<Result> {
  readonly #read: () => Promise<Result>
  #current: Promise<Result> | undefined
  #next: Promise<Result> | undefined

  constructor (read: () => Promise<Result>) {
    this.#read = read
  }

  get (): Promise<Result> {
    if (this.#current === undefined) return this.#begin()
    const begin = (): Promise<Result> => this.#begin()
    this.#next ??= this.#current.then(begin, begin)
    return this.#next
  }

  #begin (): Promise<Result> {
    this.#next = undefined
    const current = this.#read()
    this.#current = current
    const clear = (): void => {
      if (this.#current === current) this.#current = undefined
    }
    current.then(clear, clear)
    return current
  }
}
