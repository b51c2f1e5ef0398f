import type { Redis } from 'ioredis'
import type { Broker, BrokerListener, PublishResult } from '../core/broker.ts'
import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import type { Position, PublicationDraft } from '../core/publication.ts'
import { ChannelRegistry } from './channel-registry.ts'
import type { RedisClock } from './redis-clock.ts'
import { decodeEnvelope, encodeRest } from './redis-envelope.ts'
import { run } from './redis-errors.ts'
import { RETENTION_MS, type RedisKeys } from './redis-keys.ts'
import type { Publisher } from './redis-scripts.ts'
import { SubscriberWatch } from './subscriber-watch.ts'

export interface RedisBrokerParts {
  readonly publisher: Publisher
  readonly subscriber: Redis
  readonly keys: RedisKeys
  readonly clock: RedisClock
  /** How long a call may take. */
  readonly timeoutMs: number
  readonly log: Logger
}

/** The broker of many nodes: scripts number and publish, pub/sub carries, the subscriber connection hears. */
export class RedisBroker implements Broker {
  readonly #parts: RedisBrokerParts
  readonly #channels: ChannelRegistry
  readonly #watch: SubscriberWatch
  readonly #rooms = new Map<string, string>()
  readonly #probeChannel: string
  readonly #probes = new Map<string, () => void>()
  #listener: BrokerListener | undefined
  #isClosed = false

  constructor (parts: RedisBrokerParts) {
    this.#parts = parts
    this.#channels = new ChannelRegistry(parts.subscriber)
    this.#probeChannel = parts.keys.probeChannel(createId())
    this.#watch = new SubscriberWatch({
      subscriber: parts.subscriber,
      channels: this.#channels,
      log: parts.log,
      onResubscribed: () => { this.#listener?.onResubscribed() }
    })
  }

  async start (listener: BrokerListener): Promise<void> {
    this.#listener = listener
    this.#parts.subscriber.on('messageBuffer', this.#onMessage)
    this.#watch.start()
    await this.#channels.subscribe(this.#probeChannel)
  }

  subscribe (room: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(new RoomcastError('unavailable'))
    const channel = this.#parts.keys.roomChannel(room)
    this.#rooms.set(channel, room)
    return this.#channels.subscribe(channel)
  }

  async unsubscribe (room: string): Promise<void> {
    const channel = this.#parts.keys.roomChannel(room)
    this.#rooms.delete(channel)
    if (!this.#isClosed) await this.#channels.unsubscribe(channel)
  }

  async position (room: string): Promise<Position> {
    const { publisher, keys } = this.#parts
    const [epoch, offset] = await this.#run(notAfter =>
      publisher.roomcastPosition(keys.roomEnd(room), notAfter, createId(), RETENTION_MS))
    return { epoch, offset }
  }

  async publish (draft: PublicationDraft): Promise<PublishResult> {
    const { publisher, keys } = this.#parts
    const { room } = draft
    const [epoch, offset] = await this.#run(notAfter => publisher.roomcastPublish(
      keys.roomEnd(room), notAfter, createId(), RETENTION_MS, keys.roomChannel(room), encodeRest(draft)
    ))
    return { room, epoch, offset }
  }

  async check (): Promise<void> {
    const probe = createId()
    const { timeoutMs, publisher } = this.#parts
    let timer: NodeJS.Timeout | undefined
    const back = new Promise<void>((resolve, reject) => {
      this.#probes.set(probe, resolve)
      timer = setTimeout(() => { reject(new RoomcastError('unavailable', { message: 'The probe did not come back' })) }, timeoutMs)
    })
    try {
      await Promise.all([back, this.#run(() => publisher.publish(this.#probeChannel, probe))])
    } finally {
      clearTimeout(timer)
      this.#probes.delete(probe)
    }
  }

  async close (): Promise<void> {
    this.#isClosed = true
    this.#watch.stop()
    this.#parts.subscriber.off('messageBuffer', this.#onMessage)
  }

  #run<Reply> (command: (notAfter: number) => Promise<Reply | null>): Promise<Reply> {
    if (this.#isClosed) return Promise.reject(new RoomcastError('unavailable'))
    const { publisher, clock, timeoutMs } = this.#parts
    return run(publisher, () => command(Math.floor(clock.now() + timeoutMs)))
  }

  readonly #onMessage = (channelName: Buffer, message: Buffer): void => {
    const channel = channelName.toString()
    if (channel === this.#probeChannel) {
      this.#probes.get(message.toString())?.()
      return
    }
    const room = this.#rooms.get(channel)
    if (room === undefined) return
    const envelope = decodeEnvelope(room, message)
    if (envelope === undefined) this.#parts.log.warn({ room }, 'something that is no envelope was published on a channel of ours')
    else if (envelope.kind === 'publication') this.#listener?.onPublication(envelope.publication)
    else this.#listener?.onMemberEvent(envelope.event)
  }
}
