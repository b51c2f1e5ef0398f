import type { Broker } from './broker.ts'
import type { Connection } from './connection.ts'
import type { Hub } from './hub.ts'
import { KeyedQueue } from './keyed-queue.ts'
import type { Logger } from './logger.ts'
import type { Publication } from './publication.ts'
import { dueForAssertion } from './rolling.ts'
import type { Room } from './room.ts'
import type { Subscription } from './subscription.ts'

/** How often the end of each room is compared with what arrived here; asking also makes the broker remember the room. */
const COMPARE_INTERVAL_MS = 60_000

/** How many rooms are compared in one pass. */
const ROOMS_PER_PASS = 500

export interface RoomKeeperParts {
  readonly hub: Hub
  readonly broker: Broker
  readonly now: () => number
  readonly log: Logger
}

/** Keeps the node subscribed to exactly those rooms in which it has connections, and each of them up to date. */
export class RoomKeeper {
  readonly #parts: RoomKeeperParts
  readonly #queue = new KeyedQueue()

  constructor (parts: RoomKeeperParts) {
    this.#parts = parts
  }

  /**
   * Enters a connection into a room: resolves when the node is subscribed and the room's position known; the caller then opens
   * the subscription. Where that fails, or the connection has ended meanwhile, nothing is left behind.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  enter (connection: Connection, name: string): Promise<Subscription> {
    const { hub, broker, now } = this.#parts
    return this.#queue.run(name, async () => {
      connection.assertOpen()
      const { subscription, first } = hub.add(name, connection)
      const { room } = subscription
      try {
        if (first) await broker.subscribe(name)
        if (!room.isPositioned) {
          room.assertedAt = now()
          room.settle(await broker.position(name))
        }
        connection.assertOpen()
      } catch (cause) {
        await this.#exit(connection, name)
        throw cause
      }
      connection.subscriptions.set(name, subscription)
      return subscription
    })
  }

  /** Ends a subscription: delivery at once, the node's own subscription after it if this was the last. Never rejects. */
  leave (connection: Connection, name: string): Promise<void> {
    connection.subscriptions.get(name)?.end()
    connection.subscriptions.delete(name)
    return this.#queue.run(name, () => this.#exit(connection, name))
  }

  /** Takes a publication from the broker. */
  deliver (publication: Publication): void {
    this.#parts.hub.room(publication.room)?.accept(publication)
  }

  /** After an interruption: compares every room. */
  catchUp (): Promise<void> {
    return this.#compare([...this.#parts.hub.rooms()])
  }

  /** The rolling pass: compares the rooms whose turn it is. */
  async compareDue (): Promise<void> {
    const { hub, now } = this.#parts
    const due = dueForAssertion(hub.rooms(), now(), COMPARE_INTERVAL_MS, ROOMS_PER_PASS)
    if (due.length > 0) await this.#compare(due)
  }

  async #compare (rooms: readonly Room[]): Promise<void> {
    const { broker, now, log } = this.#parts
    const positioned = rooms.filter(room => room.isPositioned)
    for (const room of positioned) room.assertedAt = now()
    try {
      const ends = await Promise.all(positioned.map(room => broker.position(room.name)))
      // What was published before the ends were read may still be on its way to us; it comes before this probe.
      await broker.check()
      for (const [index, end] of ends.entries()) positioned[index]?.settle(end)
    } catch (error) {
      log.warn({ err: error }, 'the rooms could not be compared')
    }
  }

  /** The way back of `enter`. Never rejects. */
  async #exit (connection: Connection, name: string): Promise<void> {
    const { last } = this.#parts.hub.remove(name, connection)
    if (last) await this.#parts.broker.unsubscribe(name)
  }
}
