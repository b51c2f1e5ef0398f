import type { Position, RoomHandle } from '../../client/index.ts'

/** What a room's listeners were told, in order. */
export type Told =
  | { readonly type: 'message', readonly epoch: string, readonly offset: number, readonly data: unknown }
  | { readonly type: 'gap', readonly epoch: string, readonly offset: number }
  | { readonly type: 'recovered', readonly count: number }

/**
 * Keeps account of who was told what in one room, and of what stands for what: under one epoch an offset may only ever mean one publication,
 * for whoever published, listens or reads the history.
 */
export class Ledger {
  /** Whatever contradicts something before it. */
  readonly faults: string[] = []
  readonly #meanings = new Map<string, unknown>()

  /** Takes that a position stands for some data. */
  note ({ epoch, offset }: Position, data: unknown): void {
    const key = `${epoch} ${offset}`
    if (!this.#meanings.has(key)) this.#meanings.set(key, data)
    const meaning = this.#meanings.get(key)
    if (meaning !== data) this.faults.push(`${key} is ${JSON.stringify(data)} and was ${JSON.stringify(meaning)}`)
  }

  /** Listens to a subscribed room. Each message must be the next one after the last, or after a gap that was told. */
  follow (room: RoomHandle): Told[] {
    const told: Told[] = []
    let reached = room.position?.offset ?? 0
    room.on('message', ({ offset = NaN, data }) => {
      const epoch = room.position?.epoch ?? ''
      if (offset !== reached + 1) this.faults.push(`message ${epoch} ${offset} came after ${reached}`)
      told.push({ type: 'message', epoch, offset, data })
      reached = offset
      this.note({ epoch, offset }, data)
    })
    room.on('gap', ({ epoch, offset }) => {
      told.push({ type: 'gap', epoch, offset })
      reached = offset
    })
    room.on('recovered', count => { told.push({ type: 'recovered', count }) })
    return told
  }
}

/** The gaps that were told. */
export function gapsIn (told: readonly Told[]): Position[] {
  return told.flatMap(one => one.type === 'gap' ? [{ epoch: one.epoch, offset: one.offset }] : [])
}

/** The data of the messages that were told, or of those only that were told after the last gap. */
export function messagesIn (told: readonly Told[], part: 'all' | 'since the last gap' = 'all'): unknown[] {
  const first = part === 'all' ? 0 : told.findLastIndex(({ type }) => type === 'gap') + 1
  return told.slice(first).flatMap(one => one.type === 'message' ? [one.data] : [])
}
