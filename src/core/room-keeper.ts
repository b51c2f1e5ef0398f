import type { Broker } from './broker.ts'
import type { Connection } from './connection.ts'
import { RoomcastError } from './errors.ts'
import type { Hub } from './hub.ts'
import { KeyedQueue } from './keyed-queue.ts'
import type { Logger } from './logger.ts'
import type { MemberFeeds } from './member-feeds.ts'
import type { Meters } from './meters.ts'
import { isReserved } from './names.ts'
import type { MembersSnapshot } from './presence-store.ts'
import type { Publication, RoomEnd, VolatilePublication } from './publication.ts'
import { Pursuit } from './pursuit.ts'
import type { Registrar } from './registrar.ts'
import type { RoomPolicies } from './room-policies.ts'
import type { Room } from './room.ts'
import type { Subscription } from './subscription.ts'

/** How often each room is compared with what arrived here; asking also makes the broker remember the room. */
const COMPARE_INTERVAL_MS = 60_000

/** How soon a comparison that failed is tried again. */
const COMPARE_RETRY_MS = 500

/** How many rooms are compared in one pass. */
const ROOMS_PER_PASS = 500

export interface RoomKeeperParts {
  readonly hub: Hub
  readonly broker: Broker
  readonly registrar: Registrar
  readonly feeds: MemberFeeds
  readonly policies: RoomPolicies
  readonly now: () => number
  readonly meters: Meters
  readonly log: Logger
}

/** Keeps the node subscribed to exactly those rooms in which it has connections, and each of them up to date. */
export class RoomKeeper {
  readonly #parts: RoomKeeperParts
  readonly #queue = new KeyedQueue()
  /** Names of rooms of which something may have been missed, and how often that was said. */
  readonly #behind = new Map<string, number>()
  readonly #catchUp = new Pursuit({ attempt: () => this.#compareBehind(), retryMs: COMPARE_RETRY_MS })

  constructor (parts: RoomKeeperParts) {
    this.#parts = parts
  }

  /**
   * Enters a connection into a room: resolves when the node is subscribed, the room's position known, and the connection a member; the
   * caller then opens the subscription. Where that fails, or the connection has ended meanwhile, nothing is left behind.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  async enter (connection: Connection, name: string): Promise<Subscription> {
    const subscription = await this.#enqueue(connection, name)
    try {
      if (this.#parts.policies.hasPresence(name)) await this.#parts.registrar.register(subscription)
      connection.assertOpen()
    } catch (cause) {
      const cleared = this.#clear(subscription)
      // Who still waits for an answer does not wait for the way back, too.
      if (!connection.isOpen) await cleared
      throw cause
    }
    connection.subscriptions.set(name, subscription)
    return subscription
  }

  /** Ends a subscription: delivery at once, what is left of it after that. Never rejects. */
  async leave (connection: Connection, name: string): Promise<void> {
    const subscription = connection.subscriptions.get(name)
    if (subscription === undefined) return
    connection.subscriptions.delete(name)
    const { connectionId, userId } = connection
    this.#parts.log.debug({ connectionId, userId, room: name }, 'unsubscribed')
    await this.#clear(subscription)
  }

  /**
   * Begins to tell a connection the joins and leaves of a room: after the snapshot that this resolves with, once `tell` was called.
   * @throws RoomcastError `room_forbidden` where presence is off, `unavailable` (also where the connection has ended)
   */
  async watch (connection: Connection, name: string): Promise<MembersSnapshot> {
    const { feeds } = this.#parts
    this.assertPresence(name)
    try {
      const snapshot = await feeds.watch(connection, name)
      connection.assertOpen()
      return snapshot
    } catch (cause) {
      // It may have ended before it began to watch, and then nobody else takes it off the list.
      if (!connection.isOpen) feeds.unwatch(connection, name)
      throw cause
    }
  }

  /** Goes on from a snapshot that the caller has written in this turn. */
  tell (connection: Connection, name: string, snapshot: MembersSnapshot): void {
    this.#parts.feeds.open(connection, name, snapshot)
  }

  isWatching (connection: Connection, name: string): boolean {
    return this.#parts.feeds.isWatching(connection, name)
  }

  /** Tells a connection no more joins and leaves of a room. */
  unwatch (connection: Connection, name: string): void {
    this.#parts.feeds.unwatch(connection, name)
  }

  /** @throws RoomcastError `room_forbidden` where the room's policy turns presence off */
  assertPresence (name: string): void {
    if (!this.#parts.policies.hasPresence(name)) throw new RoomcastError('room_forbidden', { message: 'Presence is off in this room' })
  }

  /** The history of a room was deleted. */
  forget (name: string): void {
    this.#parts.hub.room(name)?.forget()
  }

  /** Takes a publication from the broker. */
  deliver (publication: Publication): void {
    this.#parts.meters.received.kept++
    this.#parts.hub.room(publication.room)?.accept(publication)
  }

  /** Takes a volatile publication from the broker. */
  deliverVolatile (publication: VolatilePublication): void {
    this.#parts.meters.received.volatile++
    this.#parts.hub.room(publication.room)?.acceptVolatile(publication)
  }

  /** After an interruption: compares every room, or those that it was about, again until it succeeds. Never rejects. */
  catchUp (names: ReadonlySet<string> | 'all' = 'all'): Promise<void> {
    const all = names === 'all' ? Array.from(this.#parts.hub.rooms(), ({ name }) => name) : names
    for (const name of all) this.#behind.set(name, (this.#behind.get(name) ?? 0) + 1)
    return this.#catchUp.begin()
  }

  /** Gives up what is still being tried, and tries nothing more. */
  stop (): void {
    this.#catchUp.stop()
  }

  /** The rolling pass: compares the rooms whose turn it is. */
  async compareDue (): Promise<void> {
    const { hub, now } = this.#parts
    const due: Room[] = []
    for (const room of hub.rooms()) {
      if (due.length === ROOMS_PER_PASS) break
      if (now() - room.comparedAt >= COMPARE_INTERVAL_MS) due.push(room)
    }
    if (due.length > 0) await this.#compare(due)
  }

  /** Resolves with whether all of it could be done. */
  async #compareBehind (): Promise<boolean> {
    const { hub } = this.#parts
    const due = [...this.#behind]
    const failed = await this.#compare(due.flatMap(([name]) => hub.room(name) ?? []))
    for (const [name, times] of due) if (this.#behind.get(name) === times && !failed.has(name)) this.#behind.delete(name)
    return failed.size === 0
  }

  /** Resolves with the names of those that could not be compared. */
  async #compare (rooms: readonly Room[]): Promise<ReadonlySet<string>> {
    const { broker, feeds, now, log } = this.#parts
    const failed = new Set<string>()
    const postpone = (some: readonly Room[], error: unknown): void => {
      for (const room of some) {
        failed.add(room.name)
        room.comparedAt = now() - COMPARE_INTERVAL_MS + COMPARE_RETRY_MS
      }
      // The broker's own trouble is logged once, where it is noticed, not once a try.
      log[error instanceof RoomcastError ? 'debug' : 'error']({ err: error, rooms: some.length }, 'the rooms could not be compared yet')
    }
    const positioned = rooms.filter(room => room.isPositioned)
    for (const room of positioned) room.comparedAt = now()
    // Some may lie where Redis is away, and others not.
    const reached: Array<{ room: Room, end: RoomEnd }> = []
    const unreached = new Map<Room, unknown>()
    await Promise.all(positioned.map(room => broker.position(room.name).then(end => { reached.push({ room, end }) }, error => { unreached.set(room, error) })))
    if (unreached.size > 0) postpone([...unreached.keys()], [...unreached.values()][0])
    if (reached.length === 0) return failed
    const names = reached.map(({ room }) => room.name)
    try {
      // What was published before the ends were read may still be on its way to us; it comes before this probe.
      await broker.check(names)
      for (const { room, end } of reached) room.settle(end)
      await feeds.compare(names, () => broker.check(names))
    } catch (error) {
      postpone(reached.map(({ room }) => room), error)
    }
    return failed
  }

  /**
   * Adds in the room's queue. Where Redis does not answer the way back takes as long again, and only the next in the queue waits for it: who
   * asked is told in time.
   */
  #enqueue (connection: Connection, name: string): Promise<Subscription> {
    return new Promise((resolve, reject) => {
      this.#queue.run(name, () => this.#add(connection, name, reject).then(resolve, reject))
    })
  }

  /** Runs in the room's queue: one at a time, in order. */
  async #add (connection: Connection, name: string, refuse: (cause: unknown) => void): Promise<Subscription> {
    const { hub, broker, registrar, now } = this.#parts
    connection.assertOpen()
    const { subscription, first } = hub.add(name, connection)
    const { room } = subscription
    try {
      if (first) await broker.subscribe(name)
      if (first && !isReserved(name)) registrar.ensure(room)
      if (!room.isPositioned) {
        room.comparedAt = now()
        room.settle(await broker.position(name))
      }
      connection.assertOpen()
    } catch (cause) {
      const removed = this.#remove(subscription)
      if (connection.isOpen) refuse(cause)
      await removed
      throw cause
    }
    return subscription
  }

  /** The way back of `#add`. Runs in the room's queue, and never rejects. */
  async #remove ({ room, connection }: Subscription): Promise<void> {
    const { hub, broker, registrar } = this.#parts
    const { last } = hub.remove(room.name, connection)
    if (!last) return
    await Promise.all([broker.unsubscribe(room.name), isReserved(room.name) ? undefined : registrar.remove(room)])
  }

  /** The way back of `enter`. Never rejects. */
  async #clear (subscription: Subscription): Promise<void> {
    const { feeds, registrar, policies } = this.#parts
    const { room: { name }, connection } = subscription
    subscription.end()
    feeds.unwatch(connection, name)
    await Promise.all([
      policies.hasPresence(name) ? registrar.remove(subscription) : undefined,
      this.#queue.run(name, () => this.#remove(subscription))
    ])
  }
}
