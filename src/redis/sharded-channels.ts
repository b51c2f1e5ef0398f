import { RoomcastError } from '../core/errors.ts'
import { Pursuit } from '../core/pursuit.ts'
import { isMoved } from './redis-calls.ts'
import type { Shard } from './shard.ts'
import type { Channels, Senders, Shards } from './shards.ts'

/** How soon channels that could not be moved are moved again, in milliseconds. */
const MOVE_RETRY_MS = 200

/** How often a subscribe follows where masters point to. */
const MOST_HOPS = 5

/** Where a channel is listened to. */
interface Place {
  readonly shard: Shard
  readonly senders: Senders
}

export interface ShardedChannelsParts {
  readonly shards: Pick<Shards, 'all' | 'of' | 'redirect'>
  /** Channels are listened to at another place, and what was sent meanwhile may have been missed. */
  readonly onMoved: (channels: ReadonlySet<string>) => void
}

/** Which channels this node wants, each at the master that has its slot, wherever that goes. */
export class ShardedChannels implements Channels {
  readonly #parts: ShardedChannelsParts
  readonly #places = new Map<string, Place>()
  readonly #following = new Pursuit({ attempt: () => this.#moveAll(), retryMs: MOVE_RETRY_MS })

  constructor (parts: ShardedChannelsParts) {
    this.#parts = parts
  }

  async subscribe (channel: string, senders: Senders = 'nodes'): Promise<void> {
    for (let hops = 1; ; hops++) {
      const place = { shard: this.#parts.shards.of(channel), senders }
      this.#places.set(channel, place)
      try {
        return await place.shard.channels.subscribe(channel, senders)
      } catch (error) {
        const isElsewhere = isMoved(error) && hops < MOST_HOPS && await this.#parts.shards.redirect(error, channel) !== undefined
        const now = this.#places.get(channel)
        // It may have been moved meanwhile, and is confirmed there; or it was given up.
        if (now !== undefined && now !== place) return
        this.#places.delete(channel)
        if (now === undefined || !isElsewhere) throw error
      }
    }
  }

  async unsubscribe (channel: string): Promise<void> {
    const place = this.#places.get(channel)
    this.#places.delete(channel)
    await place?.shard.channels.unsubscribe(channel)
  }

  /** Goes where the slots are now; resolves when all channels are confirmed there. Never rejects. */
  follow (): Promise<void> {
    return this.#following.begin()
  }

  /** Follows no more. */
  stop (): void {
    this.#following.stop()
  }

  async #moveAll (): Promise<boolean> {
    const moved = new Set<string>()
    const results = await Promise.all(Array.from(this.#places, async ([channel, place]) => {
      const to = this.#placeFor(channel, place)
      if (to === place.shard) return true
      if (to === undefined) return false
      const outcome = await this.#move(channel, place, to)
      if (outcome === 'moved') moved.add(channel)
      return outcome !== 'failed'
    }))
    if (moved.size > 0) this.#parts.onMoved(moved)
    return results.every(isThere => isThere)
  }

  async #move (channel: string, from: Place, to: Shard): Promise<'moved' | 'given up' | 'failed'> {
    // What others publish comes to every master, and would come twice.
    if (from.senders === 'others') await from.shard.channels.unsubscribe(channel)
    try {
      await to.channels.subscribe(channel, from.senders)
    } catch (error) {
      if (isMoved(error)) await this.#parts.shards.redirect(error, channel)
      return 'failed'
    }
    const now = this.#places.get(channel)
    if (now === from) {
      this.#places.set(channel, { ...from, shard: to })
      from.shard.channels.unsubscribe(channel)
      return 'moved'
    }
    if (now?.shard !== to) await to.channels.unsubscribe(channel)
    return 'given up'
  }

  #placeFor (channel: string, { shard, senders }: Place): Shard | undefined {
    // What others publish is heard at any master.
    if (senders === 'others' && this.#parts.shards.all().includes(shard)) return shard
    try {
      return this.#parts.shards.of(channel)
    } catch (error) {
      if (error instanceof RoomcastError) return undefined
      throw error
    }
  }
}
