import type { ServerProcess } from '../helpers/server-process.ts'

/** A publication, by the number that was published as its data, at the position that somebody saw it at. */
export interface Entry {
  readonly id: number
  readonly epoch: string
  readonly offset: number
}

/** What one client received of one room, as it came. */
export interface Receipt {
  readonly client: string
  readonly room: string
  readonly entries: readonly Entry[]
}

/** How what was received compares with what was published. */
export interface Account {
  /** Publications that were owed, each client's own count. */
  readonly owed: number
  readonly delivered: number
  readonly duplicates: number
  /** What is not as it must be, in words. */
  readonly faults: readonly string[]
}

/** What became of the publishes to one room. */
interface Page {
  readonly published: Entry[]
  /** Numbers answered `outcome_unknown`: they may have been published, for everyone or for nobody. */
  readonly unknown: Set<number>
}

/** The publisher's own record of what it published where, and was answered; knows nothing of the clients. */
export class PublishRecord {
  readonly #pages = new Map<string, Page>()
  #lastId = 0
  #refused = 0

  get total (): number { return this.#lastId }
  get published (): number { return this.#sum(({ published }) => published.length) }
  get unknown (): number { return this.#sum(({ unknown }) => unknown.size) }
  /** Answered `unavailable`: nobody may ever see them. */
  get refused (): number { return this.#refused }

  /** Publishes the next number to a room, once, and notes the answer. Resolves with the number if it was published for sure. */
  async publish (node: ServerProcess, room: string): Promise<number | undefined> {
    const id = ++this.#lastId
    const { status, body, text } = await node.publish({ room, data: id })
    if (status === 200) {
      const [{ epoch, offset }] = body['publications'] as [Entry]
      this.note(room, { id, epoch, offset })
      return id
    }
    if (body['code'] === 'outcome_unknown') {
      this.noteUnknown(room, id)
    } else if (body['code'] === 'unavailable') {
      this.#refused++
    } else {
      throw new Error(`${node.name} answered ${status} to a publish: ${text}`)
    }
    return undefined
  }

  note (room: string, entry: Entry): void {
    this.#page(room).published.push(entry)
  }

  noteUnknown (room: string, id: number): void {
    this.#page(room).unknown.add(id)
  }

  /** Holds what clients received against the record: every publication once and in order, the same for all, and nothing else. */
  account (receipts: readonly Receipt[]): Account {
    const faults: string[] = []
    const counts = { owed: 0, delivered: 0, duplicates: 0 }
    for (const room of new Set(receipts.map(({ room }) => room))) {
      const ofRoom = receipts.filter(receipt => receipt.room === room)
      const wanted = this.#truth(room, ofRoom, faults)
      for (const { client, entries } of ofRoom) {
        const seen = new Set(entries.map(placed))
        counts.owed += wanted.length
        counts.delivered += wanted.filter(entry => seen.has(placed(entry))).length
        counts.duplicates += entries.length - seen.size
        const fault = difference(wanted, entries)
        if (fault !== undefined) faults.push(`${client} in ${room}: ${fault}`)
      }
    }
    return { ...counts, faults }
  }

  /** What everyone in a room must have: what was answered, and of the rest what anyone received; without a hole. */
  #truth (room: string, receipts: readonly Receipt[], faults: string[]): Entry[] {
    const { published, unknown } = this.#page(room)
    const byPlace = new Map(published.map(entry => [placed(entry), entry]))
    for (const { entries } of receipts) {
      for (const entry of entries) if (unknown.has(entry.id)) byPlace.set(placed(entry), entry)
    }
    const truth = [...byPlace.values()].sort((one, other) => one.offset - other.offset)
    if (new Set(truth.map(({ id }) => id)).size < truth.length) faults.push(`${room}: a publication has two positions`)
    if (new Set(truth.map(({ epoch }) => epoch)).size > 1) faults.push(`${room}: there are several epochs`)
    const hole = truth.findIndex(({ offset }, index) => offset !== index + 1)
    if (hole >= 0) faults.push(`${room}: nobody knows offset ${hole + 1}`)
    return truth
  }

  #page (room: string): Page {
    let page = this.#pages.get(room)
    if (page === undefined) this.#pages.set(room, page = { published: [], unknown: new Set() })
    return page
  }

  #sum (count: (page: Page) => number): number {
    return [...this.#pages.values()].reduce((sum, page) => sum + count(page), 0)
  }
}

/** Names a publication and its position. */
function placed ({ id, epoch, offset }: Entry): string {
  return `${id} at ${epoch} ${offset}`
}

/** The first place where two lists differ, in words. */
function difference (wanted: readonly Entry[], entries: readonly Entry[]): string | undefined {
  for (let index = 0; index < Math.max(wanted.length, entries.length); index++) {
    const [want, got] = [wanted[index], entries[index]].map(entry => entry === undefined ? 'nothing' : placed(entry))
    if (want !== got) return `wanted ${want}, received ${got} (${entries.length} of ${wanted.length})`
  }
  return undefined
}
