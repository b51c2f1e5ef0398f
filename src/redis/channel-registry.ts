import type { Redis } from 'ioredis'
import { RoomcastError } from '../core/errors.ts'
import { isMoved, run } from './redis-calls.ts'
import type { Channels, Senders } from './shards.ts'
import { slotOf } from './slot-map.ts'

/** Why channels could not be subscribed to, by their names. */
type Failures = ReadonlyMap<string, unknown>

interface Batch {
  readonly kind: 'subscribe' | 'unsubscribe'
  readonly channels: Map<string, Senders>
  readonly done: Promise<Failures>
  readonly send: () => void
}

/** Channels in one SUBSCRIBE: enough to be cheap, little enough not to hold Redis up. */
const MAX_CHANNELS_PER_COMMAND = 1_000

export interface ChannelRegistryParts {
  readonly subscriber: Redis
  /** Whether channels of ours belong to slots, as on a Redis Cluster (Redis, "Sharded Pub/Sub"). */
  readonly pubsub: 'plain' | 'sharded'
  /** Another Redis process has the slot of a channel that this one had. */
  readonly onMoved: (error: unknown) => void
}

/**
 * Which Redis channels this node wants, kept in step with a subscriber connection. What is asked for in one turn of the event
 * loop is sent together, strictly in the order in which it was asked for. After a reconnect everything wanted is subscribed
 * again, here and not by ioredis, whose own attempt ends the process when Redis refuses it.
 */
export class ChannelRegistry implements Channels {
  readonly #parts: ChannelRegistryParts
  readonly #wanted = new Map<string, { readonly senders: Senders, readonly batch: Batch['channels'] }>()
  #batches: Batch[] = []

  constructor (parts: ChannelRegistryParts) {
    this.#parts = parts
  }

  /** All that are wanted here. */
  get wanted (): ReadonlySet<string> { return new Set(this.#wanted.keys()) }

  async subscribe (channel: string, senders: Senders = 'nodes'): Promise<void> {
    const failures = await this.#add('subscribe', channel, senders)
    if (failures.has(channel)) throw new RoomcastError('unavailable', { cause: failures.get(channel) })
  }

  async unsubscribe (channel: string): Promise<void> {
    await this.#add('unsubscribe', channel, this.#wanted.get(channel)?.senders ?? 'nodes')
  }

  /**
   * Subscribes again to everything wanted. What is elsewhere by now is told to `onMoved`.
   * @throws if Redis did not confirm all of the others
   */
  async resubscribe (): Promise<void> {
    const failures = [...(await this.#send('subscribe', new Map(Array.from(this.#wanted, ([channel, { senders }]) => [channel, senders])))).values()]
    const other = failures.find(error => !isMoved(error))
    if (other !== undefined) throw other
    for (const error of new Set(failures)) this.#parts.onMoved(error)
  }

  #add (kind: Batch['kind'], channel: string, senders: Senders): Promise<Failures> {
    let batch = this.#batches.at(-1)
    if (batch?.kind !== kind) {
      if (this.#batches.length === 0) setImmediate(() => { this.#sendAll() })
      this.#batches.push(batch = this.#createBatch(kind))
    }
    batch.channels.set(channel, senders)
    return batch.done
  }

  #createBatch (kind: Batch['kind']): Batch {
    const channels: Batch['channels'] = new Map()
    let send = (): void => {}
    const done = new Promise<Failures>((resolve, reject) => {
      send = () => { (kind === 'subscribe' ? this.#subscribe(channels) : this.#unsubscribe(channels)).then(resolve, reject) }
    })
    return { kind, channels, done, send }
  }

  #sendAll (): void {
    const batches = this.#batches
    this.#batches = []
    for (const { send } of batches) send()
  }

  async #subscribe (channels: Batch['channels']): Promise<Failures> {
    for (const [channel, senders] of channels) this.#wanted.set(channel, { senders, batch: channels })
    const failures = await this.#send('subscribe', channels)
    // Another batch may have asked for it meanwhile.
    for (const channel of failures.keys()) if (this.#wanted.get(channel)?.batch === channels) this.#wanted.delete(channel)
    return failures
  }

  #unsubscribe (channels: Batch['channels']): Promise<Failures> {
    for (const channel of channels.keys()) this.#wanted.delete(channel)
    // A link that fails here takes its subscriptions with it.
    return this.#send('unsubscribe', channels)
  }

  /** Never rejects. */
  async #send (kind: Batch['kind'], channels: Batch['channels']): Promise<Failures> {
    const { subscriber } = this.#parts
    const failures = new Map<string, unknown>()
    await Promise.all(this.#commandsFor(channels).map(async ({ isSharded, names }) => {
      const verb = `${isSharded ? 's' : ''}${kind}` as const
      await run(subscriber, () => subscriber[verb](...names)).catch(error => { for (const name of names) failures.set(name, error) })
    }))
    return failures
  }

  /** Channels that one command may name: sharded ones must share a slot. */
  #commandsFor (channels: Batch['channels']): Array<{ isSharded: boolean, names: string[] }> {
    const groups = new Map<number, string[][]>()
    for (const [channel, senders] of channels) {
      const group = this.#parts.pubsub === 'sharded' && senders === 'nodes' ? slotOf(channel) : -1
      const chunks = groups.get(group) ?? []
      const last = chunks.at(-1)
      if (last === undefined || last.length === MAX_CHANNELS_PER_COMMAND) chunks.push([channel])
      else last.push(channel)
      groups.set(group, chunks)
    }
    return Array.from(groups, ([group, chunks]) => chunks.map(names => ({ isSharded: group >= 0, names }))).flat()
  }
}
