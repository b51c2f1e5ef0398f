import type { Broker, HistoryPage } from './broker.ts'
import { RoomcastError } from './errors.ts'
import type { Replay } from './frames.ts'
import { FreshRead } from './fresh-read.ts'
import type { Hub } from './hub.ts'
import type { Logger } from './logger.ts'
import type { Meters } from './meters.ts'
import { bytesOf, leavesOut, missedFrom, offsetUnder, type Position } from './publication.ts'
import type { RoomPolicies } from './room-policies.ts'
import type { Room } from './room.ts'
import type { Subscription } from './subscription.ts'
import { MAX_TAIL_LENGTH } from './tail.ts'

/** Publications that are read at a time where a room missed some. */
const HEAL_PAGE_SIZE = 1_000

/** How long to wait before reading again, in milliseconds. */
const HEAL_RETRY_MS = 500

export interface RecoveryParts {
  readonly hub: Hub
  readonly broker: Broker
  readonly policies: RoomPolicies
  /** The most that publications may take up in one reply, and in one read. */
  readonly maxReplyBytes: number
  readonly meters: Meters
  readonly log: Logger
}

/** Which part of a room's history somebody wants. */
export interface HistoryRange {
  /** After this position, or in reverse before it. */
  readonly since?: Position | undefined
  readonly limit: number
  readonly reverse?: boolean | undefined
}

/** Brings back what was missed: by a connection that was away, or by this node. */
export class Recovery {
  readonly #parts: RecoveryParts
  readonly #newestReads = new WeakMap<Room, FreshRead<void>>()
  readonly #comparisons = new WeakMap<Room, FreshRead<void>>()
  /** The epoch that a client brought last which the broker does not know any more: others bring the same, and need no comparison. */
  readonly #goneEpochs = new WeakMap<Room, string>()
  /** Rooms that are being healed: what one still misses after a page is read by who read the page. */
  readonly #healing = new WeakSet<Room>()
  /** Pages that are being read for rooms that are being healed: whoever waits for one shares it. */
  readonly #pages = new WeakMap<Room, Promise<void>>()

  constructor (parts: RecoveryParts) {
    this.#parts = parts
  }

  /**
   * Sees to it that what a connection missed since a position is at hand, where it is kept at all. All who ask for one room at once share
   * a read of its history, and after it nobody reads again what is not kept. A client that comes from another node may be further than this
   * one, which is cut off or has not heard of a new epoch yet: then the node catches up first.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  async reach ({ room }: Subscription, since: Position): Promise<void> {
    if (!room.hasBeenAt(since) && this.#goneEpochs.get(room) !== since.epoch) {
      await this.#comparison(room).get()
      if (!room.hasBeenAt(since) && since.epoch !== room.position.epoch) this.#goneEpochs.set(room, since.epoch)
    }
    if (room.after(since) === undefined && !room.isExtended) await this.#newest(room).get()
  }

  /**
   * What a connection missed since a position, up to where its subscription opens in this turn; nothing where no position was named. It is
   * whole or not at all: `recovered:false` where a part is not kept any more, or is more than a client should be sent at once.
   * @param takenBytes what other replays take up in the same reply
   */
  replay ({ connection, room }: Subscription, since: Position | undefined, takenBytes: number): Replay | undefined {
    if (since === undefined) return undefined
    const missed = room.after(since)?.filter(publication => !leavesOut(publication, connection))
    const bytes = missed?.reduce((sum, publication) => sum + bytesOf(publication), 0) ?? 0
    const { maxReplyBytes, meters } = this.#parts
    if (missed === undefined || takenBytes + bytes > maxReplyBytes) {
      meters.recoveries.refused++
      return { recovered: false, publications: [] }
    }
    meters.recoveries.whole++
    meters.recovered.add(missed.length)
    return { recovered: true, publications: missed }
  }

  /**
   * A page of a room's history.
   * @throws RoomcastError `history_unreachable` for a position that means nothing under the room's epoch, `unavailable` or `outcome_unknown`
   */
  async history (room: string, { since, limit, reverse }: HistoryRange): Promise<HistoryPage> {
    const page = await this.#parts.broker.history(room, { from: since?.offset, limit, reverse, maxBytes: this.#parts.maxReplyBytes })
    if (since !== undefined && offsetUnder(page, since) === undefined) throw new RoomcastError('history_unreachable')
    return page
  }

  /** Reads what is missing in a room of this node, and hands it over; tries again until it can. Never rejects. */
  async heal (room: Room): Promise<void> {
    const { hub, log } = this.#parts
    if (this.#healing.has(room)) return
    this.#healing.add(room)
    while (room.isHealing && hub.room(room.name) === room) {
      try {
        await this.#page(room)
      } catch (error) {
        // The broker's own trouble is logged once, where it is noticed, not once a room and try.
        log[error instanceof RoomcastError ? 'debug' : 'error']({ err: error, room: room.name }, 'what is missing in a room could not be read yet')
        await new Promise(resolve => { setTimeout(resolve, HEAL_RETRY_MS) })
      }
    }
    this.#healing.delete(room)
  }

  /** Reads the next page of what is missing in a room, and hands it over. */
  #page (room: Room): Promise<void> {
    const read = async (): Promise<void> => {
      try {
        this.#note(room, room.heal(await this.#missed(room)))
      } finally {
        this.#pages.delete(room)
      }
    }
    let page = this.#pages.get(room)
    if (page === undefined) this.#pages.set(room, page = read())
    return page
  }

  #note (room: Room, outcome: ReturnType<Room['heal']>): void {
    const { meters, log } = this.#parts
    const { name, position } = room
    if (outcome === 'gap told') {
      meters.gaps.told++
      log.warn({ room: name, ...position }, 'publications are lost to this node, and its subscribers were told the gap')
    } else if (!room.isHealing) {
      meters.gaps.healed++
      log.debug({ room: name, ...position }, 'what a room had missed was read from its history')
    }
  }

  /** What the history holds of what a room has not got. How far back that goes under a new epoch is known when that was read. */
  async #missed ({ name, position }: Room): Promise<HistoryPage> {
    const { broker, maxReplyBytes: maxBytes } = this.#parts
    const read = (from: number): Promise<HistoryPage> => broker.history(name, { from, limit: HEAL_PAGE_SIZE, maxBytes })
    const page = await read(position.offset)
    const from = missedFrom(page, position)
    return from === position.offset ? page : read(from)
  }

  /** The end of a room, read and caught up with at most once for all who wait for it. */
  #comparison (room: Room): FreshRead<void> {
    const { broker } = this.#parts
    let comparison = this.#comparisons.get(room)
    if (comparison === undefined) {
      comparison = new FreshRead(async () => {
        const end = await broker.position(room.name)
        // What was published before may still be on its way to us; it comes before this probe.
        await broker.check([room.name])
        room.settle(end)
        while (room.isHealing) await this.#page(room)
      })
      this.#comparisons.set(room, comparison)
    }
    return comparison
  }

  /** The newest part of a room's history, read at most once for all who wait for it. */
  #newest (room: Room): FreshRead<void> {
    const { broker, policies, maxReplyBytes: maxBytes } = this.#parts
    let read = this.#newestReads.get(room)
    if (read === undefined) {
      const limit = Math.max(1, Math.min(policies.historyOf(room.name).size, MAX_TAIL_LENGTH))
      read = new FreshRead(async () => {
        const { publications, ...page } = await broker.history(room.name, { limit, maxBytes, reverse: true })
        room.extend({ ...page, publications: [...publications].reverse() })
      })
      this.#newestReads.set(room, read)
    }
    return read
  }
}
