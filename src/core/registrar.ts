import { KeyedQueue } from './keyed-queue.ts'
import type { Logger } from './logger.ts'
import type { PresenceEntry, Vouched } from './presence-entry.ts'
import type { ConnectionLimit } from './presence-limit.ts'
import type { NodeInfo, PresenceStore } from './presence-store.ts'

export interface RegistrarParts {
  readonly store: PresenceStore
  /** The node as it is named at the moment of the call. */
  readonly node: () => NodeInfo
  readonly now: () => number
  readonly log: Logger
}

/**
 * Keeps this node's entries in the presence store in step with its connections, memberships and rooms. What concerns one entry goes
 * through its own queue, so a removal never overtakes a registration. What the store could not take waits here until it can.
 */
export class Registrar {
  readonly #parts: RegistrarParts
  readonly #queue = new KeyedQueue()
  readonly #unwritten = new Set<Vouched>()
  readonly #unremoved = new Map<string, PresenceEntry>()
  #isStanding = false

  constructor (parts: RegistrarParts) {
    this.#parts = parts
  }

  /** Writes and removals that wait for the store. */
  get owed (): number { return this.#unwritten.size + this.#unremoved.size }

  /**
   * Writes an entry, if it is still wanted when its turn comes.
   * @param limit how many connections its user may have, if it is one
   * @returns when, on the store's clock; undefined if it was not wanted any more
   * @throws RoomcastError `limit_exceeded`, `unavailable` or `outcome_unknown`
   */
  register (vouched: Vouched, limit?: ConnectionLimit): Promise<number | undefined> {
    return this.#queue.run(vouched.entryKey, async () => {
      if (!vouched.isWanted) return undefined
      vouched.assertedAt = this.#parts.now()
      this.#unremoved.delete(vouched.entryKey)
      return this.#parts.store.register(this.#parts.node(), vouched.entry(), limit)
    })
  }

  /** Writes an entry now, or as soon as the store can take it. Never rejects. */
  async ensure (vouched: Vouched): Promise<void> {
    this.#unwritten.delete(vouched)
    try {
      await this.register(vouched)
    } catch (error) {
      this.#unwritten.add(vouched)
      this.#parts.log.debug({ err: error, entry: vouched.entryKey }, 'a presence entry waits to be written')
    }
  }

  /** Removes an entry now, or as soon as the store can. Never rejects. */
  remove (vouched: Vouched): Promise<void> {
    this.#unwritten.delete(vouched)
    return this.#queue.run(vouched.entryKey, () => this.#remove(vouched.entryKey, vouched.entry()))
  }

  /** Tries what the store could not take so far. Never rejects. */
  async settle (): Promise<void> {
    await Promise.all([
      ...Array.from(this.#unwritten, vouched => this.ensure(vouched)),
      ...Array.from(this.#unremoved, ([key, entry]) => this.#queue.run(key, async () => {
        if (this.#unremoved.has(key)) await this.#remove(key, entry)
      }))
    ])
  }

  /** Forgets the removals that wait: what the node owned under a name that it lost ends with that name's lease. */
  forget (): void {
    this.#unremoved.clear()
  }

  /** From now on nothing is removed: this node is about to end, and what it vouched for outlives it by the shutdown's grace. */
  leaveStanding (): void {
    this.#isStanding = true
  }

  async #remove (key: string, entry: PresenceEntry): Promise<void> {
    if (this.#isStanding) return
    try {
      // Under the node's present name: what was written under an older one ends with that one's lease.
      await this.#parts.store.remove(this.#parts.node().nodeId, entry)
      this.#unremoved.delete(key)
    } catch (error) {
      this.#unremoved.set(key, entry)
      this.#parts.log.debug({ err: error, entry: key }, 'a presence entry waits to be removed')
    }
  }
}
