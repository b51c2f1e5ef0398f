import type { Redis } from 'ioredis'
import type { Logger } from '../core/logger.ts'
import type { ChannelRegistry } from './channel-registry.ts'
import { Complaints } from './complaints.ts'
import { withoutCommand } from './redis-calls.ts'
import { runIdIn, type RedisClock } from './redis-clock.ts'
import { metersOf } from './redis-meters.ts'

/** A half-open link is noticed after this and one command time-out: a connection that only listens hears nothing either way. */
const PING_INTERVAL_MS = 4_000

export interface SubscriberWatchParts {
  readonly publisher: Redis
  readonly subscriber: Redis
  readonly clock: RedisClock
  readonly channels: ChannelRegistry
  readonly log: Logger
  readonly onResubscribed: () => void
}

/** Watches the connection that only listens: asks it for life, and whether it leads where the other one does, and brings the subscriptions back after each reconnect. */
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
    subscriber.info('server').then(info => { this.#compare(runIdIn(info)) }, error => {
      this.#reconnect(error, 'the subscriber connection gave no sign of life')
    })
  }

  /** In a fail-over one connection may still lead to the old master, which lives on, and nothing that is published would be heard. */
  #compare (heardFrom: string | undefined): void {
    const { publisher, subscriber, clock } = this.#parts
    if (heardFrom === undefined || clock.runId === undefined || heardFrom === clock.runId) {
      const meters = metersOf(subscriber)
      if (meters !== undefined) meters.probes.answered++
      return
    }
    this.#reconnect(undefined, 'the two connections lead to different Redis processes')
    if (publisher.status === 'ready') publisher.disconnect(true)
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
    const meters = metersOf(subscriber)
    if (meters !== undefined) meters.probes.failed++
    this.#complaints.warn({ err: withoutCommand(error) }, why)
    if (subscriber.status === 'ready') subscriber.disconnect(true)
  }
}
