import type { Redis } from 'ioredis'
import type { Broker, BrokerListener, HistoryPage, HistoryQuery, PublishResult } from '../core/broker.ts'
import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import type { PublicationDraft, RoomEnd } from '../core/publication.ts'
import type { HistoryPolicy } from '../core/room-policies.ts'
import type { Bridge } from './bridge.ts'
import { ChannelRegistry } from './channel-registry.ts'
import { PublishQueue } from './publish-queue.ts'
import { decodeEnvelope, decodeHistoryEntry } from './redis-envelope.ts'
import { call, callForGood, run, type CallParts, type CallTerms } from './redis-calls.ts'
import { RETENTION_MS, type RedisKeys } from './redis-keys.ts'
import { SubscriberWatch } from './subscriber-watch.ts'

export interface RedisBrokerParts extends CallParts {
  readonly subscriber: Redis
  readonly keys: RedisKeys
  readonly historyOf: (room: string) => HistoryPolicy
  readonly bridge?: Bridge
  readonly log: Logger
}

/** The broker of many nodes: scripts number and publish, pub/sub carries, the subscriber connection hears. */
export class RedisBroker implements Broker {
  readonly #parts: RedisBrokerParts
  readonly #channels: ChannelRegistry
  readonly #publishes: PublishQueue
  readonly #watch: SubscriberWatch
  readonly #rooms = new Map<string, string>()
  readonly #probeChannel: string
  readonly #probeKey: string
  readonly #probes = new Map<string, () => void>()
  #listener: BrokerListener | undefined
  #isClosed = false

  constructor (parts: RedisBrokerParts) {
    this.#parts = parts
    this.#channels = new ChannelRegistry(parts.subscriber)
    this.#publishes = new PublishQueue(parts)
    const probeId = createId()
    this.#probeChannel = parts.keys.probeChannel(probeId)
    this.#probeKey = parts.keys.probe(probeId)
    this.#watch = new SubscriberWatch({
      publisher: parts.publisher,
      subscriber: parts.subscriber,
      clock: parts.clock,
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
    await Promise.all(this.#parts.bridge?.channels.map(channel => this.#channels.subscribe(channel)) ?? []).catch(cause => {
      throw new Error('Redis did not let this node subscribe to the channels that are bridged', { cause })
    })
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

  async position (room: string): Promise<RoomEnd> {
    const { publisher, keys } = this.#parts
    const [epoch, offset, inherits] = await this.#call(({ notAfter, runId }) =>
      publisher.roomcastPosition(keys.roomEnd(room), keys.roomHistory(room), notAfter, createId(), RETENTION_MS, runId))
    return { epoch, offset, inherits: parseInherits(inherits) }
  }

  publish (draft: PublicationDraft): Promise<PublishResult> {
    return this.#isClosed ? Promise.reject(new RoomcastError('unavailable')) : this.#publishes.publish(draft)
  }

  async assertKey ({ room, idempotency }: PublicationDraft): Promise<void> {
    if (idempotency === undefined) return
    const { publisher, keys } = this.#parts
    const { id, content } = idempotency
    const before = await run(publisher, () => publisher.getrange(keys.publishKey(room, id), 0, content.length - 1))
      // An answer that was lost here is that to a question.
      .catch(cause => { throw new RoomcastError('unavailable', { cause }) })
    if (before !== '' && before !== content) throw new RoomcastError('key_reused')
  }

  async history (room: string, { from, limit, maxBytes, reverse = false }: HistoryQuery): Promise<HistoryPage> {
    const { publisher, keys, historyOf } = this.#parts
    const [epochBytes, offset, inherits, entries, more] = await this.#call(({ notAfter, runId }) => publisher.roomcastHistoryBuffer(
      keys.roomEnd(room), keys.roomHistory(room), notAfter, createId(), RETENTION_MS, historyOf(room).ttlMs,
      limit, from ?? '', reverse ? 'reverse' : 'forward', runId, maxBytes
    ))
    const epoch = epochBytes.toString()
    const publications = entries.flatMap(([id, [, entry]]) =>
      decodeHistoryEntry(room, { epoch, offset: Number.parseInt(id.toString(), 10) }, entry) ?? [])
    return { epoch, offset, inherits: parseInherits(inherits.toString()), publications, more: more === 1 }
  }

  async forget (room: string): Promise<void> {
    const { publisher, keys } = this.#parts
    await this.#call(({ notAfter }) =>
      publisher.roomcastForget(keys.roomEnd(room), keys.roomHistory(room), notAfter, keys.roomChannel(room)), callForGood)
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
      await Promise.all([back, this.#call(() => publisher.roomcastProbe(this.#probeKey, this.#probeChannel, probe))])
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

  #call<Reply> (command: (terms: CallTerms) => Promise<Reply | null>, by = call<Reply>): Promise<Reply> {
    return this.#isClosed ? Promise.reject(new RoomcastError('unavailable')) : by(this.#parts, command)
  }

  readonly #onMessage = (channelName: Buffer, message: Buffer): void => {
    const channel = channelName.toString()
    if (channel === this.#probeChannel) {
      this.#probes.get(message.toString())?.()
      return
    }
    const room = this.#rooms.get(channel)
    if (room === undefined) {
      for (const publication of this.#parts.bridge?.read(channel, message) ?? []) this.#listener?.onVolatile(publication)
      return
    }
    const envelope = decodeEnvelope(room, message)
    if (envelope === undefined) this.#parts.log.warn({ room }, 'something that is no envelope was published on a channel of ours')
    else if (envelope.kind === 'publication') this.#listener?.onPublication(envelope.publication)
    else if (envelope.kind === 'volatile') this.#listener?.onVolatile(envelope.publication)
    else if (envelope.kind === 'forget') this.#listener?.onForget(room)
    else this.#listener?.onMemberEvent(envelope.event)
  }
}

function parseInherits (text: string): RoomEnd['inherits'] {
  const [epoch, upTo] = text.split(' ')
  return epoch === undefined || upTo === undefined ? undefined : { epoch, upTo: Number(upTo) }
}
