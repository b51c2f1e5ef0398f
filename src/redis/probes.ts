import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import { call, type CallParts } from './redis-calls.ts'
import type { RedisKeys } from './redis-keys.ts'
import type { Shard } from './shard.ts'

export interface ProbesParts extends CallParts {
  readonly keys: RedisKeys
}

/** Proves of each Redis process that what is published there comes back here. */
export class Probes {
  readonly #parts: ProbesParts
  /** What is under way on a channel. */
  readonly #pending = new Map<string, Map<string, () => void>>()
  /** By whose key a process is probed. */
  readonly #ids = new Map<Shard, string>()

  constructor (parts: ProbesParts) {
    this.#parts = parts
  }

  /** @throws RoomcastError `unavailable` */
  async start (): Promise<void> {
    await Promise.all(this.#parts.shards.all().map(shard => this.#idFor(shard)))
  }

  /** @throws RoomcastError `unavailable` where one did not come back */
  async check (shards: readonly Shard[]): Promise<void> {
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
    const { shards, keys } = this.#parts
    let id = this.#ids.get(shard)
    if (id !== undefined && shards.of(keys.probe(id)) === shard) return id
    if (id !== undefined) await this.#forget(shard, id)
    do id = createId(); while (shards.of(keys.probe(id)) !== shard)
    const channel = keys.probeChannel(id)
    this.#pending.set(channel, new Map())
    this.#ids.set(shard, id)
    try {
      await shards.channels.subscribe(channel)
      return id
    } catch (error) {
      await this.#forget(shard, id)
      throw error
    }
  }

  async #forget (shard: Shard, id: string): Promise<void> {
    const channel = this.#parts.keys.probeChannel(id)
    this.#ids.delete(shard)
    this.#pending.delete(channel)
    await this.#parts.shards.channels.unsubscribe(channel)
  }
}
