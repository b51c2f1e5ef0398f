import type { Redis } from 'ioredis'
import type { Logger } from '../core/logger.ts'
import type { ChannelRegistry } from './channel-registry.ts'
import { Complaints } from './complaints.ts'
import { withoutCommand } from './redis-calls.ts'

/** A half-open link is noticed after this and one command time-out: a connection that only listens hears nothing either way. */
const PING_INTERVAL_MS = 4_000

export interface SubscriberWatchParts {
  readonly subscriber: Redis
  readonly channels: ChannelRegistry
  readonly log: Logger
  readonly onResubscribed: () => void
}

/** Watches the connection that only listens: asks it for life, and brings the subscriptions back after each reconnect. */
export class SubscriberWatch {
  readonly #parts: SubscriberWatchParts
  readonly #complaints: Complaints
  #timer: NodeJS.Timeout | undefined

  constructor (parts: SubscriberWatchParts) {
    this.#parts = parts
    this.#complaints = new Complaints(parts.log)
  }

  start (): void {
    this.#parts.subscriber.on('ready', this.#onReady)
    this.#timer = setInterval(() => { this.#ping() }, PING_INTERVAL_MS)
  }

  stop (): void {
    this.#parts.subscriber.off('ready', this.#onReady)
    clearInterval(this.#timer)
  }

  #ping (): void {
    const { subscriber } = this.#parts
    if (subscriber.status !== 'ready') return
    subscriber.ping().catch(error => { this.#reconnect(error, 'the subscriber connection gave no sign of life') })
  }

  readonly #onReady = (): void => {
    const { channels, log, onResubscribed } = this.#parts
    channels.resubscribe().then(() => {
      log.info({}, 'subscribed again to every channel')
      onResubscribed()
    }, error => { this.#reconnect(error, 'the channels could not be subscribed again') })
  }

  #reconnect (error: unknown, why: string): void {
    const { subscriber } = this.#parts
    this.#complaints.warn({ err: withoutCommand(error) }, why)
    if (subscriber.status === 'ready') subscriber.disconnect(true)
  }
}
