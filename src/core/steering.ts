import type { Command, MembershipCommand } from './command.ts'
import type { Connection } from './connection.ts'
import type { Control } from './control.ts'
import { enterRoom, openRoom } from './entering.ts'
import { RoomcastError } from './errors.ts'
import type { Hub } from './hub.ts'
import type { RealtimeNode } from './node.ts'
import { closeOf, type OrderedClose } from './ordered-close.ts'
import type { PresenceStore } from './presence-store.ts'

export interface SteeringParts {
  readonly node: RealtimeNode
  readonly store: PresenceStore
  readonly hub: Hub
  readonly control: Control
}

/** A subscription that is to be made. */
interface Owed {
  readonly connection: Connection
  readonly room: string
  /** Whether it was tried, and could not be made yet. */
  isDue: boolean
}

/**
 * Ends connections and subscriptions, and begins subscriptions, from outside. Every node is told, and obeys for its own connections, in the order
 * of the commands; one that is cut off does so when it is back. What is said of a user concerns the connections that presence knew of at
 * that moment, on the one clock that presence and broker share: those that come later, however late a node hears of it, are left alone.
 */
export class Steering {
  readonly #parts: SteeringParts
  readonly #owed = new Set<Owed>()

  constructor (parts: SteeringParts) {
    this.#parts = parts
  }

  /**
   * Orders the end of a connection.
   * @throws RoomcastError `connection_unknown` where none is live under this id, and nothing was ordered; `unavailable` or `outcome_unknown`
   */
  async disconnect (connectionId: string, close: OrderedClose): Promise<void> {
    const { store, control } = this.#parts
    if (await store.connection(connectionId) === undefined) throw new RoomcastError('connection_unknown')
    await control.send({ type: 'disconnect', whom: { connectionId }, close })
  }

  /**
   * Orders the end of a user's connections, but for one that may be left out.
   * @returns how many presence knew of; those of nodes that are cut off end too, when these are back
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  async disconnectUser (userId: string, { except, ...close }: OrderedClose & { readonly except?: string | undefined }): Promise<number> {
    const count = await this.#count(userId, except)
    await this.#parts.control.send({ type: 'disconnect', whom: { userId, ...except !== undefined && { except } }, close })
    return count
  }

  /**
   * Orders that a user's connections enter a room, or leave it.
   * @returns how many presence knew of
   * @throws RoomcastError `unavailable` or `outcome_unknown`
   */
  async setMembership (type: MembershipCommand['type'], userId: string, room: string): Promise<number> {
    const count = await this.#count(userId)
    await this.#parts.control.send({ type, userId, room })
    return count
  }

  /** Does what some node told, at an instant on the broker's clock, as far as it concerns this node. */
  obey (command: Command, at: number): void {
    const { node, hub } = this.#parts
    switch (command.type) {
      case 'revoke':
        node.revoker.apply(command.revocation)
        return
      case 'replace':
        for (const connectionId of command.connectionIds) hub.connection(connectionId)?.close('replaced')
        return
      case 'disconnect': {
        const { whom, close } = command
        const end = (connection: Connection | undefined): void => { connection?.close('disconnected', closeOf(close)) }
        if ('connectionId' in whom) end(hub.connection(whom.connectionId))
        else this.#reach(whom.userId, at, connection => { if (connection.connectionId !== whom.except) end(connection) })
        return
      }
      case 'subscribe':
        this.#reach(command.userId, at, connection => { this.#owe(connection, command.room) })
        return
      case 'unsubscribe':
        this.#reach(command.userId, at, connection => { this.#release(connection, command.room) })
        return
      default:
        command satisfies never
    }
  }

  /** Tries again what could not be done so far, each in its connection's line. */
  retry (): void {
    for (const owed of this.#owed) {
      if (!owed.connection.isOpen) this.#owed.delete(owed)
      else if (owed.isDue) this.#queue(owed)
    }
  }

  async #count (userId: string, except?: string): Promise<number> {
    const [user] = await this.#parts.store.users([userId])
    return user?.connections.filter(({ connectionId }) => connectionId !== except).length ?? 0
  }

  /** Those connections of a user that presence knew of at an instant. */
  #reach (userId: string, at: number, act: (connection: Connection) => void): void {
    const actIfKnown = (connection: Connection): void => {
      if (connection.registeredAt !== undefined && connection.registeredAt <= at) act(connection)
    }
    for (const connection of this.#parts.hub.connectionsOf(userId)) {
      // Behind its opening, which may have registered it although the answer is not here yet.
      if (connection.registeredAt === undefined) connection.enqueue(async () => { actIfKnown(connection) })
      else actIfKnown(connection)
    }
  }

  #owe (connection: Connection, room: string): void {
    const owed = { connection, room, isDue: false }
    this.#owed.add(owed)
    this.#queue(owed)
  }

  #queue (owed: Owed): void {
    owed.isDue = false
    owed.connection.enqueue(() => this.#begin(owed))
  }

  async #begin (owed: Owed): Promise<void> {
    const { node } = this.#parts
    const { connection, room } = owed
    if (!this.#owed.has(owed) || !connection.isOpen) return
    try {
      const present = connection.subscriptions.get(room)
      if (present !== undefined) present.isGiven = true
      else if (!node.revoker.isBanned(connection.claims, room)) await this.#enter(connection, room)
      this.#owed.delete(owed)
    } catch (error) {
      if (!(error instanceof RoomcastError)) throw error
      owed.isDue = true
      node.log.debug({ err: error, connectionId: connection.connectionId, room }, 'a subscription that was ordered waits to be made')
    }
  }

  async #enter (connection: Connection, room: string): Promise<void> {
    const { node } = this.#parts
    const entered = await enterRoom(node, connection, { room })
    entered.subscription.isGiven = true
    connection.send({ type: 'subscribed', ...openRoom(node, entered) })
  }

  #release (connection: Connection, room: string): void {
    for (const owed of this.#owed) if (owed.connection === connection && owed.room === room) this.#owed.delete(owed)
    connection.enqueue(async () => {
      if (!connection.subscriptions.has(room)) return
      this.#parts.node.rooms.leave(connection, room)
      connection.send({ type: 'unsubscribed', room, code: 'not_subscribed' })
    })
  }
}
