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
/** How often the masters are asked again because something was heard meanwhile. */
const MOST_TRIES = 3
/** How long it takes until a master that took a channel away is asked to confirm the others, for all that it takes meanwhile. */
const CONFIRM_MS = 1_000
const DISMISSAL_MS = 5_000
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
  /** Masters of whose channels some were taken away. */
  readonly #doubtful = new Set<Shard>()
  /** For each slot its master, as it was told last. */
  #owners: Array<string | undefined> = new Array(SLOTS).fill(undefined)
  /** The same, as the newest map had it. */
  #adopted: SlotMap['owners'] = []
  #masters: ReadonlySet<string> = new Set()
  #all: readonly Shard[] = []
  #replacements = 0
  #learning: Promise<void> | undefined
  /** Whether something was heard that the answer under way may not know. */
  #isOutdated = false
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
    else if (told.kind === 'MOVED') await this.#note(told.slot, told.address)
    const address = told.kind === 'ASK' ? told.address : this.#owners[slotOf(key)]
    if (address === undefined || this.#isStopped) return undefined
    this.#at(address)
    const opening = this.#opening.get(address)
    if (opening !== undefined) await Promise.race([opening, delay(READY_MS, undefined, { ref: false })])
    const shard = this.#shards.get(address)
    return shard === undefined ? undefined : { shard, isAsking: told.kind === 'ASK' }
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

  /** Asks who has which slots, once more where that is under way, and goes by it. Never rejects. */
  #learn (): Promise<void> {
    this.#isOutdated = true
    this.#learning ??= this.#ask().finally(() => { this.#learning = undefined })
    return this.#learning
  }

  async #ask (): Promise<void> {
    // An answer that was under way when something newer was heard would put the old owner back.
    for (let tries = 0; this.#isOutdated && tries < MOST_TRIES && !this.#isStopped; tries++) {
      this.#isOutdated = false
      const map = await learnSlots([...this.#shards.values()]) ?? await learnSlotsFromSeeds(this.#parts).catch(() => undefined)
      if (map !== undefined && !this.#isStopped && !this.#isOutdated) this.#adopt(map)
    }
    this.channels.follow()
  }

  #adopt ({ owners, masters }: SlotMap): void {
    // A slot goes from a master to another when it is moved, and to a new one from what is none any more when its data was taken over.
    const isTakenOver = owners.some((owner, slot) => {
      const before = this.#adopted[slot]
      return owner !== undefined && before !== undefined && !masters.has(before) && !this.#masters.has(owner)
    })
    this.#adopted = owners
    this.#owners = [...owners]
    this.#masters = masters
    for (const address of masters) this.#at(address)
    this.#gather()
    for (const [address, shard] of this.#shards) if (!masters.has(address)) this.#dismiss(address, shard)
    if (isTakenOver) this.#replaced()
  }

  #gather (): void {
    this.#all = Array.from(this.#masters, address => this.#shards.get(address)).filter(shard => shard !== undefined)
  }

  /** Takes the word of a master for who has a slot. */
  async #note (slot: number, address: string | undefined): Promise<void> {
    const learning = this.#learn()
    if (address === undefined) return learning
    this.#owners[slot] = address
    this.#at(address)
  }

  /** Begins to connect to an address that is new. */
  #at (address: string): void {
    if (this.#shards.has(address)) return
    const opening = this.#open(address, this.#create(address)).finally(() => { if (this.#opening.get(address) === opening) this.#opening.delete(address) })
    this.#opening.set(address, opening)
  }

  #create (address: string): Shard {
    const { target: { url }, ...parts } = this.#parts
    const shard = new Shard({
      ...parts,
      target: { url: nodeUrl(url, address) },
      pubsub: 'sharded',
      onMessage: (channel, message) => { for (const { onMessage } of this.#listeners) onMessage?.(channel, message) },
      onResubscribed: () => { this.#tellResubscribed(shard.channels.wanted) },
      onMoved: error => { this.#moved(shard, error) },
      onOtherProcess: () => { this.#replaced() }
    })
    this.#shards.set(address, shard)
    this.#gather()
    return shard
  }

  /** Each try has connections of its own: ioredis never makes one again that was given up while it tried to. */
  async #open (address: string, first: Shard): Promise<void> {
    for (let shard = first; !(await shard.connect().then(() => true, () => false)); shard = this.#create(address)) {
      await delay(CONNECT_RETRY_MS)
      if (this.#shards.get(address) !== shard || this.#isStopped) return
      shard.stop()
    }
    this.#gather()
    this.channels.follow()
  }

  /** Lets go of one that is no master any more, once what it was listened to for is elsewhere, or that takes long. */
  async #dismiss (address: string, shard: Shard): Promise<void> {
    this.#shards.delete(address)
    await Promise.race([this.channels.follow(), delay(DISMISSAL_MS, undefined, { ref: false })])
    await shard.close()
  }

  /** Redis took a channel away, or refused one. Its slot is elsewhere; or it was, or Redis was told anew that it is here, and it is heard no more. */
  #moved (shard: Shard, error: unknown): void {
    const told = redirectionIn(error)
    if (told?.kind === 'MOVED') this.#note(told.slot, told.address)
    else this.#learn()
    if (this.#doubtful.has(shard)) return
    this.#doubtful.add(shard)
    setTimeout(() => { this.#confirm(shard) }, CONFIRM_MS).unref()
  }

  async #confirm (shard: Shard): Promise<void> {
    await this.#learn()
    this.#doubtful.delete(shard)
    if (this.#isStopped || !this.#all.includes(shard)) return
    // Where the link is broken, what follows its return does the same.
    await shard.channels.resubscribe().then(() => { this.#tellResubscribed(shard.channels.wanted) }, () => {})
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
