import type { Broker, BrokerListener, HistoryPage, HistoryQuery, PublishResult } from '../core/broker.ts'
import { RoomcastError } from '../core/errors.ts'
import { createId } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import type { PublicationDraft, RoomEnd } from '../core/publication.ts'
import type { HistoryPolicy } from '../core/room-policies.ts'
import type { Bridge } from './bridge.ts'
import { Probes } from './probes.ts'
import { PublishQueue } from './publish-queue.ts'
import { decodeEnvelope, decodeHistoryEntry } from './redis-envelope.ts'
import { call, callForGood, type CallParts, type Command } from './redis-calls.ts'
import { RETENTION_MS, type RedisKeys } from './redis-keys.ts'

export interface RedisBrokerParts extends CallParts {
  readonly keys: RedisKeys
  readonly historyOf: (room: string) => HistoryPolicy
  readonly bridge?: Bridge
  readonly log: Logger
}

/** The broker of many nodes: scripts number and publish, pub/sub carries, the subscriber connection hears. */
export class RedisBroker implements Broker {
  readonly #parts: RedisBrokerParts
  readonly #publishes: PublishQueue
  readonly #probes: Probes
  readonly #rooms = new Map<string, string>()
  #listener: BrokerListener | undefined
  #isClosed = false

  constructor (parts: RedisBrokerParts) {
    this.#parts = parts
    this.#publishes = new PublishQueue(parts)
    this.#probes = new Probes(parts)
  }

  async start (listener: BrokerListener): Promise<void> {
    const { shards, bridge } = this.#parts
    this.#listener = listener
    shards.listen({
      onMessage: (channel, message) => { this.#onMessage(channel, message) },
      onResubscribed: channels => { listener.onResubscribed(channels === 'all' ? channels : this.#roomsOf(channels)) }
    })
    await this.#probes.start()
    await Promise.all(bridge?.channels.map(channel => shards.channels.subscribe(channel, 'others')) ?? []).catch(cause => {
      throw new Error('Redis did not let this node subscribe to the channels that are bridged', { cause })
    })
  }

  subscribe (room: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(new RoomcastError('unavailable'))
    const channel = this.#parts.keys.roomChannel(room)
    this.#rooms.set(channel, room)
    return this.#parts.shards.channels.subscribe(channel)
  }

  async unsubscribe (room: string): Promise<void> {
    const channel = this.#parts.keys.roomChannel(room)
    this.#rooms.delete(channel)
    if (!this.#isClosed) await this.#parts.shards.channels.unsubscribe(channel)
  }

  async position (room: string): Promise<RoomEnd> {
    const { keys } = this.#parts
    const [epoch, offset, inherits] = await this.#call(keys.roomEnd(room), (publisher, { notAfter, runId }) =>
      publisher.roomcastPosition(keys.roomEnd(room), keys.roomHistory(room), notAfter, createId(), RETENTION_MS, runId))
    return { epoch, offset, inherits: parseInherits(inherits) }
  }

  publish (draft: PublicationDraft): Promise<PublishResult> {
    return this.#isClosed ? Promise.reject(new RoomcastError('unavailable')) : this.#publishes.publish(draft)
  }

  async assertKey ({ room, idempotency }: PublicationDraft): Promise<void> {
    if (idempotency === undefined) return
    const { id, content } = idempotency
    const key = this.#parts.keys.publishKey(room, id)
    const before = await call(this.#parts, key, publisher => publisher.getrange(key, 0, content.length - 1))
      // An answer that was lost here is that to a question.
      .catch(cause => { throw new RoomcastError('unavailable', { cause }) })
    if (before !== '' && before !== content) throw new RoomcastError('key_reused')
  }

  async history (room: string, { from, limit, maxBytes, reverse = false }: HistoryQuery): Promise<HistoryPage> {
    const { keys, historyOf } = this.#parts
    const [epochBytes, offset, inherits, entries, more] = await this.#call(keys.roomEnd(room), (publisher, { notAfter, runId }) => publisher.roomcastHistoryBuffer(
      keys.roomEnd(room), keys.roomHistory(room), notAfter, createId(), RETENTION_MS, historyOf(room).ttlMs,
      limit, from ?? '', reverse ? 'reverse' : 'forward', runId, maxBytes
    ))
    const epoch = epochBytes.toString()
    const publications = entries.flatMap(([id, [, entry]]) =>
      decodeHistoryEntry(room, { epoch, offset: Number.parseInt(id.toString(), 10) }, entry) ?? [])
    return { epoch, offset, inherits: parseInherits(inherits.toString()), publications, more: more === 1 }
  }

  async forget (room: string): Promise<void> {
    const { keys } = this.#parts
    await this.#call(keys.roomEnd(room), (publisher, { notAfter }) =>
      publisher.roomcastForget(keys.roomEnd(room), keys.roomHistory(room), notAfter, keys.roomChannel(room)), callForGood)
  }

  async check (rooms?: readonly string[]): Promise<void> {
    if (this.#isClosed) throw new RoomcastError('unavailable')
    const { shards, keys } = this.#parts
    await this.#probes.check(rooms === undefined ? shards.all() : [...new Set(rooms.map(room => shards.of(keys.roomChannel(room))))])
  }

  async close (): Promise<void> {
    this.#isClosed = true
    this.#parts.shards.stop()
  }

  #roomsOf (channels: ReadonlySet<string>): Set<string> {
    return new Set(Array.from(channels, channel => this.#rooms.get(channel)).filter(room => room !== undefined))
  }

  #call<Reply> (key: string, command: Command<Reply>, by = call<Reply>): Promise<Reply> {
    return this.#isClosed ? Promise.reject(new RoomcastError('unavailable')) : by(this.#parts, key, command)
  }

  #onMessage (channel: string, message: Buffer): void {
    if (this.#probes.take(channel, message)) return
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
