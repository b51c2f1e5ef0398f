import { setTimeout as delay } from 'node:timers/promises'
import { RoomcastError } from '../core/errors.ts'
import { learnSlots, learnSlotsFromSeeds } from './slot-learning.ts'
import { redirectionIn } from './redis-calls.ts'
import type { RedisClientsParts } from './redis-clients.ts'
import { describeTarget, nodeUrl, type ClusterTarget } from './redis-target.ts'
import { Shard } from './shard.ts'
import { ShardedChannels } from './sharded-channels.ts'
import type { Redirection, Shards, ShardsListener } from './shards.ts'
import { SLOTS, slotOf, type SlotMap } from './slot-map.ts'

/** How often the masters are asked who has which slots, in milliseconds; whatever says that it has changed makes them be asked at once. */
const LEARN_INTERVAL_MS = 2_000
/** How soon a master that could not be reached is tried again. */
const CONNECT_RETRY_MS = 200
/** How long keys that are on their way between two masters may take until they are asked for again. */
const ON_THEIR_WAY_MS = 20
/** How long a redirected command waits for a master that was not known before. */
const READY_MS = 1_000

export type ClusterShardsParts = Omit<RedisClientsParts, 'target' | 'pubsub'> & { readonly target: ClusterTarget }

/**
 * The masters of a Redis Cluster: each is one Redis with its own pair of connections and its own clock, and which slots it has is a matter of the
 * moment. A slot that moves takes its data along; a master that another takes the place of may take its last writes with it.
 */
export class ClusterShards implements Shards {
  readonly db = 0
  readonly areMany = true
  readonly address: string
  readonly channels = new ShardedChannels({ shards: this, onMoved: channels => { this.#tellResubscribed(channels) } })
  readonly #parts: ClusterShardsParts
  /** By the addresses that Redis tells. */
  readonly #shards = new Map<string, Shard>()
  readonly #opening = new Map<string, Promise<void>>()
  readonly #listeners: ShardsListener[] = []
  #owners: Array<string | undefined> = new Array(SLOTS).fill(undefined)
  #masters: ReadonlySet<string> = new Set()
  #all: readonly Shard[] = []
  #replacements = 0
  #learning: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  private constructor (parts: ClusterShardsParts) {
    this.#parts = parts
    this.address = describeTarget(parts.target)
  }

  /**
   * Connects to all masters.
   * @throws Error that names hosts and ports, never the password, if the Redis Cluster is not usable within two seconds and two more
   */
  static async connect (parts: ClusterShardsParts): Promise<ClusterShards> {
    const shards = new ClusterShards(parts)
    const map = await learnSlotsFromSeeds(parts)
    const missing = map.owners.filter(owner => owner === undefined).length
    if (missing > 0) throw new Error(`Redis at ${shards.address} is a Redis Cluster of which no master has ${missing} of the ${SLOTS} slots`)
    try {
      await Promise.all(Array.from(map.masters, address => shards.#create(address).connect()))
    } catch (error) {
      await shards.close()
      throw error
    }
    shards.#adopt(map)
    shards.#timer = setInterval(() => { shards.#learn() }, LEARN_INTERVAL_MS)
    return shards
  }

  get replacements (): number { return this.#replacements }

  all (): readonly Shard[] { return this.#all }

  of (key: string): Shard {
    const shard = this.#shards.get(this.#owners[slotOf(key)] ?? '')
    if (shard === undefined) throw new RoomcastError('unavailable')
    return shard
  }

  async redirect (error: unknown, key: string): Promise<Redirection | undefined> {
    const told = redirectionIn(error)
    if (told === undefined || this.#isStopped) return undefined
    if (told.kind === 'TRYAGAIN') await delay(ON_THEIR_WAY_MS)
    else if (told.kind === 'MOVED') this.#note(told.slot, told.address)
    const address = told.kind === 'ASK' ? told.address : this.#owners[slotOf(key)]
    if (address === undefined) return undefined
    const shard = this.#at(address)
    await Promise.race([this.#opening.get(address), delay(READY_MS)])
    return { shard, isAsking: told.kind === 'ASK' }
  }

  listen (listener: ShardsListener): void {
    this.#listeners.push(listener)
  }

  stop (): void {
    this.#isStopped = true
    clearInterval(this.#timer)
    this.channels.stop()
    for (const shard of this.#shards.values()) shard.stop()
  }

  async close (): Promise<void> {
    this.stop()
    await Promise.all(Array.from(this.#shards.values(), shard => shard.close()))
  }

  /** Asks who has which slots, and goes by it. Never rejects. */
  #learn (): Promise<void> {
    this.#learning ??= this.#ask().finally(() => { this.#learning = undefined })
    return this.#learning
  }

  async #ask (): Promise<void> {
    const map = await learnSlots([...this.#shards.values()]) ?? await learnSlotsFromSeeds(this.#parts).catch(() => undefined)
    if (map === undefined || this.#isStopped) return
    this.#adopt(map)
    this.channels.follow()
  }

  #adopt ({ owners, masters }: SlotMap): void {
    // A slot goes from a master to another when it is moved, and to a new one from what is none any more when its data was taken over.
    const isTakenOver = owners.some((owner, slot) => {
      const before = this.#owners[slot]
      return owner !== undefined && before !== undefined && !masters.has(before) && !this.#masters.has(owner)
    })
    this.#owners = [...owners]
    this.#masters = masters
    this.#all = Array.from(masters, address => this.#at(address))
    for (const [address, shard] of this.#shards) if (!masters.has(address)) this.#dismiss(address, shard)
    if (isTakenOver) this.#replaced()
  }

  /** Takes the word of a master for who has a slot. */
  #note (slot: number, address: string): void {
    this.#owners[slot] = address
    this.#at(address)
    this.#learn()
  }

  /** The shard at an address, which is connected to if it is new. */
  #at (address: string): Shard {
    const known = this.#shards.get(address)
    if (known !== undefined) return known
    const shard = this.#create(address)
    this.#opening.set(address, this.#open(address, shard))
    return shard
  }

  #create (address: string): Shard {
    const { target: { url }, ...parts } = this.#parts
    const shard = new Shard({
      ...parts,
      target: { url: nodeUrl(url, address) },
      pubsub: 'sharded',
      onMessage: (channel, message) => { for (const { onMessage } of this.#listeners) onMessage?.(channel, message) },
      onResubscribed: () => { this.#tellResubscribed(shard.channels.wanted) },
      onMoved: error => { this.#moved(error) },
      onOtherProcess: () => { this.#replaced() }
    })
    this.#shards.set(address, shard)
    return shard
  }

  async #open (address: string, shard: Shard): Promise<void> {
    while (this.#shards.get(address) === shard && !this.#isStopped && !(await shard.connect().then(() => true, () => false))) {
      await delay(CONNECT_RETRY_MS)
    }
    this.#opening.delete(address)
  }

  /** Lets go of one that is no master any more, once what it was listened to for is elsewhere. */
  async #dismiss (address: string, shard: Shard): Promise<void> {
    this.#shards.delete(address)
    await this.channels.follow()
    await shard.close()
  }

  /** Redis took a channel away, or refused one: its slot is elsewhere. */
  async #moved (error: unknown): Promise<void> {
    const told = redirectionIn(error)
    if (told?.kind === 'MOVED') this.#note(told.slot, told.address)
    await this.#learn()
    await this.channels.follow()
  }

  #replaced (): void {
    this.#replacements++
    this.#parts.log.warn({ redis: this.address, masters: [...this.#masters] }, 'a master of the Redis Cluster was replaced')
    for (const { onReplaced } of this.#listeners) onReplaced?.()
    this.channels.follow().then(() => { this.#tellResubscribed('all') }, () => {})
  }

  #tellResubscribed (channels: ReadonlySet<string> | 'all'): void {
    for (const { onResubscribed } of this.#listeners) onResubscribed?.(channels)
  }
}
