interface Batch<Item> {
  readonly items: Item[]
  readonly done: Promise<void>
  readonly send: () => void
}

export interface TurnBatchesParts<Item> {
  readonly send: (key: string, items: readonly Item[]) => Promise<unknown>
  /** Items that are sent at a time. */
  readonly most: number
}

/** Sends what is to be written under one key in one turn of the event loop together, at the turn's end. */
export class TurnBatches<Item> {
  readonly #parts: TurnBatchesParts<Item>
  #batches = new Map<string, Batch<Item>>()
  #full: Array<Batch<Item>> = []

  constructor (parts: TurnBatchesParts<Item>) {
    this.#parts = parts
  }

  /** Resolves or rejects with the call that the item shared. */
  add (key: string, item: Item): Promise<void> {
    if (this.#batches.size === 0 && this.#full.length === 0) setImmediate(() => { this.#sendAll() })
    let batch = this.#batches.get(key)
    if (batch === undefined) this.#batches.set(key, batch = this.#createBatch(key))
    batch.items.push(item)
    if (batch.items.length === this.#parts.most) {
      this.#batches.delete(key)
      this.#full.push(batch)
    }
    return batch.done
  }

  #createBatch (key: string): Batch<Item> {
    const items: Item[] = []
    let send = (): void => {}
    const done = new Promise<void>((resolve, reject) => {
      send = () => { this.#parts.send(key, items).then(() => { resolve() }, reject) }
    })
    return { items, done, send }
  }

  #sendAll (): void {
    const batches = [...this.#full, ...this.#batches.values()]
    this.#batches = new Map()
    this.#full = []
    for (const { send } of batches) send()
  }
}
