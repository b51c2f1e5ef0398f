import type { Hub } from './hub.ts'
import { Lease } from './lease.ts'
import type { Logger } from './logger.ts'
import type { Meters } from './meters.ts'
import { isReserved } from './names.ts'
import type { Vouched } from './presence-entry.ts'
import type { NodeInfo, PresenceStore } from './presence-store.ts'
import { Registrar } from './registrar.ts'
import { dueForAssertion } from './rolling.ts'
import type { RoomPolicies } from './room-policies.ts'
import { Sweeper } from './sweeper.ts'

/** How old entries get before they are written again: well within the day for which Redis keeps them. */
const ASSERTION_AGE_MS = 6 * 60 * 60 * 1_000

/** How many are written again in one pass. */
const ASSERTIONS_PER_PASS = 100

export interface PresenceKeeperParts {
  readonly hub: Hub
  readonly store: PresenceStore
  readonly policies: RoomPolicies
  readonly nodeName: string
  /** Of Roomcast. */
  readonly version: string
  readonly heartbeatMs: number
  readonly now: () => number
  readonly meters: Meters
  readonly log: Logger
}

/** Keeps what the presence store says of this node true: its lease, its entries, and the dead nodes that it has claimed. */
export class PresenceKeeper {
  readonly registrar: Registrar
  readonly #parts: PresenceKeeperParts
  readonly #lease: Lease
  readonly #sweeper: Sweeper

  constructor (parts: PresenceKeeperParts) {
    const { hub, store, nodeName, version, heartbeatMs, now, meters, log } = parts
    const startedAt = now()
    this.#parts = parts
    this.registrar = new Registrar({ store, log, now, node: () => this.node })
    this.#sweeper = new Sweeper({ store, meters, log })
    this.#lease = new Lease({
      store,
      meters,
      log,
      nodeName,
      heartbeatMs,
      report: () => ({ version, startedAt, connections: hub.connectionCount, rooms: hub.publicRoomCount }),
      onHeld: claimed => {
        this.registrar.settle()
        this.#sweeper.sweep(claimed)
      },
      onRenamed: lost => { this.#writeAll(lost) }
    })
  }

  /** This node, as its lease names it now. */
  get node (): NodeInfo { return this.#lease.node }

  /** @throws RoomcastError if the store does not grant the lease */
  start (): Promise<void> {
    return this.#lease.take()
  }

  /** Renews the lease now, ahead of the next heartbeat. Never rejects. */
  beat (): Promise<void> {
    return this.#lease.beat()
  }

  /** The rolling pass: writes again those entries whose turn it is. */
  assertDue (): void {
    const due = dueForAssertion(this.#vouched(), this.#parts.now(), ASSERTION_AGE_MS, ASSERTIONS_PER_PASS)
    for (const vouched of due) this.registrar.ensure(vouched)
  }

  /** Ends the node in the store, at once or after a grace; its entries must be removed before, or be left standing. */
  async stop (graceMs: number): Promise<void> {
    await this.#sweeper.stop()
    await this.registrar.settle()
    try {
      // With entries that could not be removed the node must not vanish: whoever claims it removes them.
      if (this.registrar.owed > 0) throw new Error(`${this.registrar.owed} entries are left behind`)
      await this.#lease.release(graceMs)
    } catch (error) {
      this.#lease.stop()
      this.#parts.log.warn({ err: error }, 'the lease ends by itself, and the node is swept then')
    }
  }

  /** Writes everything under the node's new name, and clears what is left under the one that it lost. */
  async #writeAll (lost: NodeInfo): Promise<void> {
    this.registrar.forget()
    await Promise.all(Array.from(this.#vouched(), vouched => this.registrar.ensure(vouched)))
    // Somebody may have claimed it and do the same; but in a Redis that came back without its lease, nobody would.
    this.#sweeper.sweep([lost.nodeId])
  }

  /** Everything of which this node keeps an entry. What is still on its way in writes its own first. */
  * #vouched (): IterableIterator<Vouched> {
    for (const vouched of this.#vouchable()) {
      if (vouched.assertedAt > 0) yield vouched
    }
  }

  * #vouchable (): IterableIterator<Vouched> {
    const { hub, policies } = this.#parts
    yield * hub.connections()
    for (const room of hub.rooms()) {
      if (isReserved(room.name)) continue
      yield room
      if (policies.hasPresence(room.name)) yield * room.subscriptions()
    }
  }
}
