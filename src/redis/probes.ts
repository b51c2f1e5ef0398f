import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import { call, type CallParts } from './redis-calls.ts'
import type { RedisKeys } from './redis-keys.ts'
import type { Shard } from './shard.ts'

/** A process that has one slot of all is found in far fewer. */
const MOST_TRIES = 200_000

export interface ProbesParts extends CallParts {
  readonly keys: RedisKeys
}

/** Proves of each Redis process that what is published there comes back here. */
export class Probes {
  readonly #parts: ProbesParts
  /** What is under way on a channel. */
  readonly #pending = new Map<string, Map<string, () => void>>()
  /** By whose key a process is probed. */
  readonly #ids = new Map<Shard, Promise<string>>()

  constructor (parts: ProbesParts) {
    this.#parts = parts
  }

  /** @throws RoomcastError `unavailable` */
  async start (): Promise<void> {
    await Promise.all(this.#parts.shards.all().map(shard => this.#idFor(shard)))
  }

  /** @throws RoomcastError `unavailable` where one did not come back */
  async check (shards: readonly Shard[]): Promise<void> {
    const all = this.#parts.shards.all()
    for (const [shard, id] of this.#ids) if (!all.includes(shard)) this.#forget(shard, id)
    await Promise.all(shards.map(async shard => this.#probe(await this.#idFor(shard))))
  }

  /** Whether something that arrived was a probe. */
  take (channel: string, message: Buffer): boolean {
    const pending = this.#pending.get(channel)
    pending?.get(message.toString())?.()
    return pending !== undefined
  }

  async #probe (id: string): Promise<void> {
    const { timeoutMs, keys } = this.#parts
    const channel = keys.probeChannel(id)
    const pending = this.#pending.get(channel)
    const probe = createId()
    let timer: NodeJS.Timeout | undefined
    const back = new Promise<void>((resolve, reject) => {
      pending?.set(probe, resolve)
      timer = setTimeout(() => { reject(new RoomcastError('unavailable', { message: 'The probe did not come back' })) }, timeoutMs)
    })
    try {
      await Promise.all([back, call(this.#parts, keys.probe(id), publisher => publisher.roomcastProbe(keys.probe(id), channel, probe))])
    } finally {
      clearTimeout(timer)
      pending?.delete(probe)
    }
  }

  /** An id whose key this process has; the node listens to its channel. */
  async #idFor (shard: Shard): Promise<string> {
    const known = this.#ids.get(shard)
    if (known !== undefined) {
      if (this.#isAt(shard, await known)) return known
      // Others may have found that, too.
      if (this.#ids.get(shard) === known) this.#forget(shard, known)
    }
    let id = this.#ids.get(shard)
    if (id === undefined) {
      const begun = id = this.#begin(shard)
      this.#ids.set(shard, begun)
      begun.catch(() => { if (this.#ids.get(shard) === begun) this.#ids.delete(shard) })
    }
    return id
  }

  async #begin (shard: Shard): Promise<string> {
    const { shards, keys } = this.#parts
    const id = this.#findId(shard)
    const channel = keys.probeChannel(id)
    this.#pending.set(channel, new Map())
    try {
      await shards.channels.subscribe(channel)
      return id
    } catch (error) {
      this.#pending.delete(channel)
      throw error
    }
  }

  #findId (shard: Shard): string {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const id = createId()
      if (this.#isAt(shard, id)) return id
    }
    throw new RoomcastError('unavailable')
  }

  /** There may be slots that nobody has, which says nothing about the others. */
  #isAt (shard: Shard, id: string): boolean {
    const { shards, keys } = this.#parts
    try {
      return shards.of(keys.probe(id)) === shard
    } catch (error) {
      if (error instanceof RoomcastError) return false
      throw error
    }
  }

  async #forget (shard: Shard, begun: Promise<string>): Promise<void> {
    this.#ids.delete(shard)
    // Who asked for one that could not be had is told so.
    const id = await begun.catch(() => undefined)
    if (id === undefined) return
    const channel = this.#parts.keys.probeChannel(id)
    this.#pending.delete(channel)
    await this.#parts.shards.channels.unsubscribe(channel)
  }
}
