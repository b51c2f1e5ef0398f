import type { Broker, BrokerListener, PublishResult } from '../core/broker.ts'
import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import type { MemberEvent } from '../core/presence-store.ts'
import type { Position, PublicationDraft } from '../core/publication.ts'

interface RoomEnd {
  readonly epoch: string
  offset: number
  usedAt: number
}

/** How long the end of a room is remembered after its last use, in milliseconds: as long as the Redis broker's keys live. */
const RETENTION_MS = 24 * 60 * 60 * 1_000

/** The broker of one process: a round trip to itself. */
export class MemoryBroker implements Broker {
  readonly #now: () => number
  readonly #subscribed = new Set<string>()
  /** In the order of their last use, so that what is old enough to forget comes first. */
  readonly #ends = new Map<string, RoomEnd>()
  #listener: BrokerListener | undefined
  #isClosed = false

  constructor ({ now = Date.now }: { now?: () => number } = {}) {
    this.#now = now
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

  async publish ({ room, data, from, except }: PublicationDraft): Promise<PublishResult> {
    this.#assertOpen()
    const end = this.#use(room)
    const { epoch } = end
    const offset = ++end.offset
    if (this.#subscribed.has(room)) {
      this.#listener?.onPublication({ room, epoch, offset, data: Buffer.from(data), from, except, at: end.usedAt })
    }
    return { room, epoch, offset }
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

  #use (room: string): RoomEnd {
    const now = this.#now()
    const end = this.#ends.get(room) ?? { epoch: createId(), offset: 0, usedAt: now }
    this.#touch(room, end, now)
    this.#forget(now)
    return end
  }

  #touch (room: string, end: RoomEnd, now: number): void {
    end.usedAt = now
    this.#ends.delete(room)
    this.#ends.set(room, end)
  }

  #forget (now: number): void {
    for (const [room, end] of this.#ends) {
      if (now - end.usedAt < RETENTION_MS) return
      if (this.#subscribed.has(room)) this.#touch(room, end, now)
      else this.#ends.delete(room)
    }
  }

  #assertOpen (): void {
    if (this.#isClosed) throw new RoomcastError('unavailable')
  }
}
