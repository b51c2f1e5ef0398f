/** Counts by key. Keys are never forgotten, so there must be few. */
export class Tally<Key> {
  readonly #counts = new Map<Key, number>()

  add (key: Key): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  entries (): IterableIterator<[Key, number]> {
    return this.#counts.entries()
  }
}
