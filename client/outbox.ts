/** What waits for a connection, in order, and never more than a bound. */
export class Outbox<Item> {
  readonly #items = new Set<Item>()
  readonly #max: number

  constructor (max: number) {
    this.#max = max
  }

  get size (): number { return this.#items.size }

  /** False if it is full, and the item was not taken. */
  push (item: Item): boolean {
    if (this.#items.size >= this.#max) return false
    this.#items.add(item)
    return true
  }

  /** Puts back, before all others, what was taken out too early; the bound does not matter here. */
  restore (items: Iterable<Item>): void {
    const later = [...this.#items]
    this.#items.clear()
    for (const item of [...items, ...later]) this.#items.add(item)
  }

  /** Takes one out of the line; false if it was not there. */
  remove (item: Item): boolean {
    return this.#items.delete(item)
  }

  /** The first in the line, which stays there. */
  peek (): Item | undefined {
    const [first] = this.#items
    return first
  }
}
