import type { Connection } from './connection.ts'
import { KeyedQueue } from './keyed-queue.ts'
import type { Logger } from './logger.ts'
import type { NodeInfo, PresenceRecordRef, PresenceStore } from './presence-store.ts'

export interface RegistrarParts {
  readonly store: PresenceStore
  /** The node as it is named at the moment of the call. */
  readonly node: () => NodeInfo
  readonly now: () => number
  readonly log: Logger
}

/**
 * Keeps this node's presence records in step with its connections. What one connection needs goes through its own queue, so a
 * removal never overtakes a registration. What the store could not take waits here until it can.
 */
export class Registrar {
  readonly #parts: RegistrarParts
  readonly #queue = new KeyedQueue()
  readonly #unwritten = new Set<Connection>()
  readonly #unremoved = new Map<string, PresenceRecordRef>()

  constructor (parts: RegistrarParts) {
    this.#parts = parts
  }

  /**
   * Writes the record of a connection, if it is still open.
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  register (connection: Connection): Promise<void> {
    return this.#queue.run(connection.connectionId, async () => {
      if (!connection.isOpen) return
      const { nodeId, nodeName } = this.#parts.node()
      connection.ownerId = nodeId
      await this.#parts.store.register(connection.record(nodeId, nodeName))
    })
  }

  /** Removes the record of a connection. Never rejects. */
  unregister (connection: Connection): Promise<void> {
    return this.#queue.run(connection.connectionId, async () => {
      const { connectionId, userId, ownerId: nodeId } = connection
      if (nodeId !== undefined) await this.#remove({ connectionId, userId, nodeId })
    })
  }

  /** Writes the records of connections again, under the node's present name. */
  registerAgain (connections: Iterable<Connection>): void {
    for (const connection of connections) {
      connection.assertedAt = this.#parts.now()
      this.#unwritten.add(connection)
    }
    if (this.#unwritten.size > 0) this.settle()
  }

  /** Forgets the removals that wait: what the node owned under a name that it lost ends with that name's lease. */
  forget (): void {
    this.#unremoved.clear()
  }

  /** Tries what the store could not take so far. Never rejects. */
  async settle (): Promise<void> {
    await Promise.all([
      ...Array.from(this.#unwritten, connection => this.#write(connection)),
      ...Array.from(this.#unremoved.values(), ref => this.#remove(ref))
    ])
  }

  async #write (connection: Connection): Promise<void> {
    this.#unwritten.delete(connection)
    try {
      await this.register(connection)
    } catch (error) {
      this.#unwritten.add(connection)
      const { connectionId, userId } = connection
      this.#parts.log.debug({ err: error, connectionId, userId }, 'a presence record waits to be written')
    }
  }

  async #remove (ref: PresenceRecordRef): Promise<void> {
    try {
      await this.#parts.store.remove(ref)
      this.#unremoved.delete(ref.connectionId)
    } catch (error) {
      this.#unremoved.set(ref.connectionId, ref)
      this.#parts.log.debug({ err: error, ...ref }, 'a presence record waits to be removed')
    }
  }
}
