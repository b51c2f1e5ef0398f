import type { Broker, BrokerListener, HistoryPage, HistoryQuery, PublishResult } from '../core/broker.ts'
import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import type { MemberEvent } from '../core/presence-store.ts'
import { bytesOf, type Position, type Publication, type PublicationDraft } from '../core/publication.ts'
import { DEFAULT_HISTORY, type HistoryPolicy } from '../core/room-policies.ts'
import { MemoryKeys } from './memory-keys.ts'

interface RoomLog {
  readonly epoch: string
  offset: number
  usedAt: number
  /** The newest publications, oldest first, without a hole. */
  history: Publication[]
}

/** How long the end of a room is remembered after its last use, in milliseconds: as long as the Redis broker's keys live. */
const RETENTION_MS = 24 * 60 * 60 * 1_000

export interface MemoryBrokerParts {
  /** What is kept of each room; the default policy if not given. */
  readonly historyOf?: (room: string) => HistoryPolicy
  readonly now?: () => number
}

/** The broker of one process: a round trip to itself. */
export class MemoryBroker implements Broker {
  readonly #historyOf: (room: string) => HistoryPolicy
  readonly #now: () => number
  readonly #subscribed = new Set<string>()
  /** In the order of their last use, so that what is old enough to forget comes first. */
  readonly #logs = new Map<string, RoomLog>()
  readonly #keys: MemoryKeys
  #listener: BrokerListener | undefined
  #isClosed = false

  constructor ({ historyOf = () => DEFAULT_HISTORY, now = Date.now }: MemoryBrokerParts = {}) {
    this.#historyOf = historyOf
    this.#now = now
    this.#keys = new MemoryKeys(now)
  }

  async start (listener: BrokerListener): Promise<void> {
    this.#listener = listener
  }

  async subscribe (room: string): Promise<void> {
    this.#assertOpen()
    this.#subscribed.add(room)
  }

  async unsubscribe (room: string): Promise<void> {
    this.#subscribed.delete(room)
  }

  async position (room: string): Promise<Position> {
    this.#assertOpen()
    const { epoch, offset } = this.#use(room)
    return { epoch, offset }
  }

  async history (room: string, { from, limit, maxBytes, reverse = false }: HistoryQuery): Promise<HistoryPage> {
    this.#assertOpen()
    const log = this.#use(room)
    this.#trim(room, log)
    const { epoch, offset, history } = log
    const wanted = reverse
      ? history.filter(publication => from === undefined || publication.offset < from).reverse()
      : history.filter(publication => from === undefined || publication.offset > from)
    const publications: Publication[] = []
    let bytes = 0
    for (const publication of wanted.slice(0, limit)) {
      bytes += bytesOf(publication)
      if (bytes > maxBytes && publications.length > 0) break
      publications.push(publication)
    }
    return { epoch, offset, publications, more: wanted.length > publications.length }
  }

  async forget (room: string): Promise<void> {
    this.#assertOpen()
    this.#use(room).history = []
    if (this.#subscribed.has(room)) this.#listener?.onForget(room)
  }

  async publish (draft: PublicationDraft): Promise<PublishResult> {
    this.#assertOpen()
    const before = this.#keys.recall(draft)
    if (before !== undefined) return { ...before, duplicate: true }
    const result = this.#send(draft)
    this.#keys.remember(draft, result)
    return result
  }

  async assertKey (draft: PublicationDraft): Promise<void> {
    this.#assertOpen()
    this.#keys.recall(draft)
  }

  #send ({ room, data, from, except, volatile }: PublicationDraft): PublishResult {
    if (volatile === true) {
      if (this.#subscribed.has(room)) this.#listener?.onVolatile({ room, data: Buffer.from(data), from, except, at: this.#now() })
      return { room, duplicate: false }
    }
    const log = this.#use(room)
    const { epoch } = log
    const offset = ++log.offset
    const publication: Publication = { room, epoch, offset, data: Buffer.from(data), from, except, at: log.usedAt }
    log.history.push(publication)
    this.#trim(room, log)
    if (this.#subscribed.has(room)) this.#listener?.onPublication(publication)
    return { room, epoch, offset, duplicate: false }
  }

  /** Carries a join or leave that the presence store of this process decided. */
  announce (event: MemberEvent): void {
    if (this.#subscribed.has(event.room)) this.#listener?.onMemberEvent(event)
  }

  async check (): Promise<void> {
    this.#assertOpen()
  }

  async close (): Promise<void> {
    this.#isClosed = true
  }

  #use (room: string): RoomLog {
    const now = this.#now()
    const log = this.#logs.get(room) ?? { epoch: createId(), offset: 0, usedAt: now, history: [] }
    this.#touch(room, log, now)
    this.#forgetOld(now)
    return log
  }

  #touch (room: string, log: RoomLog, now: number): void {
    log.usedAt = now
    this.#logs.delete(room)
    this.#logs.set(room, log)
  }

  #trim (room: string, log: RoomLog): void {
    const { size, ttlMs } = this.#historyOf(room)
    const tooOld = this.#now() - ttlMs
    const excess = log.history.length - size
    const keep = log.history.findIndex(({ at }, index) => index >= excess && at > tooOld)
    log.history = keep === -1 ? [] : keep === 0 ? log.history : log.history.slice(keep)
  }

  #forgetOld (now: number): void {
    for (const [room, log] of this.#logs) {
      if (now - log.usedAt < RETENTION_MS) return
      if (this.#subscribed.has(room)) this.#touch(room, log, now)
      else this.#logs.delete(room)
    }
  }

  #assertOpen (): void {
    if (this.#isClosed) throw new RoomcastError('unavailable')
  }
}
