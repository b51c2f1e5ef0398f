/** Where a publication stands in its room. */
export interface Place {
  readonly epoch: string
  readonly offset: number
}

/** One numbering, as far as anybody was told of it. */
export interface Epoch {
  readonly name: string
  /** When it was first heard of. */
  readonly firstTick: number
  /** Which publication stands at which offset. */
  readonly ids: Map<number, number>
  /** Another that the same numbering went on under, or did before. */
  same: Epoch | undefined
}

/** What is known of one room's numberings. A numbering may get a new name without a loss: its offsets then mean the same under both. */
export class RoomPage {
  readonly refused = new Set<number>()
  readonly #epochs = new Map<string, Epoch>()
  readonly #places = new Map<number, Place>()

  epoch (name: string, tick: number): Epoch {
    let epoch = this.#epochs.get(name)
    if (epoch === undefined) this.#epochs.set(name, epoch = { name, firstTick: tick, ids: new Map(), same: undefined })
    return epoch
  }

  placeOf (id: number): Place | undefined {
    return this.#places.get(id)
  }

  put (place: Place, id: number): void {
    this.#epochs.get(place.epoch)?.ids.set(place.offset, id)
    this.#places.set(id, place)
  }

  /** Somebody went from one to the other, and was told of no hole. */
  join (one: Epoch, other: Epoch): void {
    const [first, second] = [rootOf(one), rootOf(other)]
    if (first !== second) first.same = second
  }

  isOneNumbering (one: string, other: string): boolean {
    const [first, second] = [this.#epochs.get(one), this.#epochs.get(other)]
    return first !== undefined && second !== undefined && rootOf(first) === rootOf(second)
  }

  /** Each numbering must mean one thing at each offset, and the last one must be known from its beginning to its end. */
  check (last: Place, note: (what: string) => void): void {
    const merged = new Map<Epoch, Map<number, number>>()
    for (const epoch of this.#epochs.values()) {
      const root = rootOf(epoch)
      const all = merged.get(root) ?? new Map<number, number>()
      merged.set(root, all)
      for (const [offset, id] of epoch.ids) {
        const other = all.get(offset)
        if (other !== undefined && other !== id) note(`offset ${offset} is publication ${id} under ${epoch.name}, and was ${other} before, and nobody was told of a hole`)
        all.set(offset, id)
      }
    }
    const end = this.#epochs.get(last.epoch)
    const known = end && merged.get(rootOf(end))
    for (let offset = 1; offset <= last.offset; offset++) if (known?.has(offset) !== true) note(`nobody knows what stands at ${last.epoch} ${offset}`)
    for (const offset of known?.keys() ?? []) if (offset > last.offset) note(`something stands at ${offset}, beyond the last publication`)
  }
}

function rootOf (epoch: Epoch): Epoch {
  let root = epoch
  while (root.same !== undefined) root = root.same
  return root
}
