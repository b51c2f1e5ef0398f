import type { Redis } from 'ioredis'
import { RoomcastError } from '../core/errors.ts'
import { run } from './redis-calls.ts'

interface Batch {
  readonly kind: 'subscribe' | 'unsubscribe'
  readonly channels: Set<string>
  readonly done: Promise<void>
  readonly send: () => void
}

/** Channels in one SUBSCRIBE: enough to be cheap, little enough not to hold Redis up. */
const MAX_CHANNELS_PER_COMMAND = 1_000

/**
 * Which Redis channels this node wants, kept in step with the subscriber connection. What is asked for in one turn of the event
 * loop is sent together, strictly in the order in which it was asked for. After a reconnect everything wanted is subscribed
 * again, here and not by ioredis, whose own attempt ends the process when Redis refuses it.
 */
export class ChannelRegistry {
  readonly #subscriber: Redis
  readonly #wanted = new Set<string>()
  #batches: Batch[] = []

  constructor (subscriber: Redis) {
    this.#subscriber = subscriber
  }

  /**
   * Resolves when Redis has confirmed.
   * @throws RoomcastError `unavailable`: the channel is not wanted any more
   */
  subscribe (channel: string): Promise<void> {
    return this.#add('subscribe', channel)
  }

  /** Resolves when Redis has confirmed, or the link is lost, which comes to the same. Never rejects. */
  unsubscribe (channel: string): Promise<void> {
    return this.#add('unsubscribe', channel)
  }

  /**
   * Subscribes again to everything wanted.
   * @throws if Redis did not confirm all of it
   */
  async resubscribe (): Promise<void> {
    await this.#subscribeAll([...this.#wanted])
  }

  #add (kind: Batch['kind'], channel: string): Promise<void> {
    let batch = this.#batches.at(-1)
    if (batch?.kind !== kind) {
      if (this.#batches.length === 0) setImmediate(() => { this.#sendAll() })
      this.#batches.push(batch = this.#createBatch(kind))
    }
    batch.channels.add(channel)
    return batch.done
  }

  #createBatch (kind: Batch['kind']): Batch {
    const channels = new Set<string>()
    let send = (): void => {}
    const done = new Promise<void>((resolve, reject) => {
      send = () => { (kind === 'subscribe' ? this.#subscribe(channels) : this.#unsubscribe(channels)).then(resolve, reject) }
    })
    return { kind, channels, done, send }
  }

  #sendAll (): void {
    const batches = this.#batches
    this.#batches = []
    for (const { send } of batches) send()
  }

  async #subscribe (channels: ReadonlySet<string>): Promise<void> {
    for (const channel of channels) this.#wanted.add(channel)
    try {
      await this.#subscribeAll([...channels])
    } catch (cause) {
      for (const channel of channels) this.#wanted.delete(channel)
      throw new RoomcastError('unavailable', { cause })
    }
  }

  async #unsubscribe (channels: ReadonlySet<string>): Promise<void> {
    for (const channel of channels) this.#wanted.delete(channel)
    // A link that fails here takes its subscriptions with it.
    await run(this.#subscriber, () => this.#subscriber.unsubscribe(...channels)).catch(() => {})
  }

  async #subscribeAll (channels: readonly string[]): Promise<void> {
    const commands: Array<Promise<unknown>> = []
    for (let start = 0; start < channels.length; start += MAX_CHANNELS_PER_COMMAND) {
      const chunk = channels.slice(start, start + MAX_CHANNELS_PER_COMMAND)
      commands.push(run(this.#subscriber, () => this.#subscriber.subscribe(...chunk)))
    }
    await Promise.all(commands)
  }
}
