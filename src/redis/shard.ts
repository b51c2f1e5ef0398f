import type { Redis } from 'ioredis'
import { ChannelRegistry } from './channel-registry.ts'
import { wordsOf } from './redis-calls.ts'
import { RedisClients, type RedisClientsParts } from './redis-clients.ts'
import { RedisClock } from './redis-clock.ts'
import type { Publisher } from './redis-scripts.ts'
import { SubscriberWatch } from './subscriber-watch.ts'

export interface ShardParts extends RedisClientsParts {
  readonly onMessage: (channel: string, message: Buffer) => void
  /** All channels of this shard are confirmed again, after an interruption. */
  readonly onResubscribed: () => void
  /** A channel that was listened to here belongs to another. */
  readonly onMoved: (error: unknown) => void
  /** It is not the process any more that it was before an interruption. */
  readonly onOtherProcess?: () => void
}

/** One of the Redis processes that hold the keys, as a node uses it: a connection that writes and asks, one that only listens, and its clock. */
export class Shard {
  readonly clock: RedisClock
  readonly channels: ChannelRegistry
  readonly #clients: RedisClients
  readonly #onMessage: (channel: Buffer, message: Buffer) => void
  readonly #onMoved: () => void
  readonly #watch: SubscriberWatch
  #isStopped = false

  constructor ({ onMessage, onResubscribed, onMoved, onOtherProcess, ...parts }: ShardParts) {
    const clients = new RedisClients(parts)
    const { publisher, subscriber } = clients
    this.#clients = clients
    this.clock = new RedisClock(publisher, onOtherProcess)
    this.channels = new ChannelRegistry({ subscriber, pubsub: parts.pubsub ?? 'plain', onMoved })
    this.#onMoved = () => { onMoved(undefined) }
    this.#onMessage = (channel, message) => { onMessage(channel.toString(), message) }
    this.#watch = new SubscriberWatch({
      publisher, subscriber, clock: this.clock, channels: this.channels, log: parts.log, onResubscribed
    })
  }

  get publisher (): Publisher { return this.#clients.publisher }
  get subscriber (): Redis { return this.#clients.subscriber }
  /** Where it is, for people; holds no password. */
  get address (): string { return this.#clients.address }
  /** The number of the database that keys live in. */
  get db (): number { return this.#clients.db }

  /**
   * Connects.
   * @throws Error that names host and port, never the password, if Redis is not usable within two seconds
   */
  async connect (): Promise<void> {
    await this.#clients.connect()
    try {
      await this.clock.start()
      if (this.#isStopped) throw new Error('it was closed meanwhile')
    } catch (cause) {
      await this.#clients.close()
      throw new Error(`Redis at ${this.address} refused what the start needs: ${wordsOf(cause)}`, { cause })
    }
    this.subscriber.on('messageBuffer', this.#onMessage).on('smessageBuffer', this.#onMessage)
    // ioredis tells so of a channel that Redis took away, and of one that it refused.
    this.subscriber.on('moved', this.#onMoved)
    this.#watch.start()
  }

  /** Hands over nothing more. */
  stop (): void {
    this.#isStopped = true
    this.#watch.stop()
    this.subscriber.off('messageBuffer', this.#onMessage).off('smessageBuffer', this.#onMessage).off('moved', this.#onMoved)
  }

  /** Ends both connections, after the answers that are under way if Redis still gives them. */
  async close (): Promise<void> {
    this.stop()
    await this.#clients.close()
  }
}
