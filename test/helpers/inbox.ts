/** What a wait ends with when the connection closed and nothing is left to take. */
export class ClosedError extends Error {
  readonly code: number
  readonly reason: string

  constructor (what: string, { code, reason }: Closure) {
    super(`closed with ${code} ${reason} while waiting for ${what}`)
    this.code = code
    this.reason = reason
  }
}

export interface Closure {
  readonly code: number
  readonly reason: string
}

interface Claim<T> {
  readonly what: string
  readonly resolve: (item: T) => void
  readonly reject: (error: Error) => void
}

/** The mailbox: listening since construction, nothing lost between two awaits. */
export class Inbox<T> {
  #items: T[] = []
  #claim: Claim<T> | undefined
  #closure: Closure | undefined

  push (item: T): void {
    if (this.#claim === undefined) this.#items.push(item)
    else this.#claim.resolve(item)
  }

  /** Nothing comes any more: what was received can still be taken, a wait beyond it rejects with the close code. */
  end (closure: Closure): void {
    this.#closure ??= closure
    this.#claim?.reject(new ClosedError(this.#claim.what, this.#closure))
  }

  /** The next item. A wait that fails says what was missing, and gives up its claim. */
  next (what: string, ms = 5_000): Promise<T> {
    if (this.#claim !== undefined) throw new Error(`two waits at once: for ${this.#claim.what} and for ${what}`)
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift() as T)
    if (this.#closure !== undefined) return Promise.reject(new ClosedError(what, this.#closure))
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => { clearTimeout(timer); this.#claim = undefined; act() }
      const timer = setTimeout(() => settle(() => reject(new Error(`no ${what} within ${ms} ms`))), ms)
      this.#claim = {
        what,
        resolve: item => settle(() => resolve(item)),
        reject: error => settle(() => reject(error))
      }
    })
  }

  /** All that is here now, without waiting. */
  drain (): T[] {
    return this.#items.splice(0)
  }
}
