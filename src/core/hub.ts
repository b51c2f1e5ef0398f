import type { Connection } from './connection.ts'
import { isReserved } from './names.ts'
import { Room, type RoomParts } from './room.ts'
import type { Subscription } from './subscription.ts'

/**
 * This node's register of connections and rooms. It answers who is here, who came first and who left last; it never
 * touches the network.
 */
export class Hub {
  readonly #connections = new Map<string, Connection>()
  readonly #users = new Map<string, Set<Connection>>()
  readonly #rooms = new Map<string, Room>()
  readonly #parts: RoomParts
  #publicRooms = 0

  constructor (parts: RoomParts) {
    this.#parts = parts
  }

  get connectionCount (): number { return this.#connections.size }
  get roomCount (): number { return this.#rooms.size }
  /** Rooms that are not reserved. */
  get publicRoomCount (): number { return this.#publicRooms }

  connections (): IterableIterator<Connection> { return this.#connections.values() }
  rooms (): IterableIterator<Room> { return this.#rooms.values() }
  room (name: string): Room | undefined { return this.#rooms.get(name) }
  connection (connectionId: string): Connection | undefined { return this.#connections.get(connectionId) }

  /** The connections of a user. */
  connectionsOf (userId: string): Iterable<Connection> { return this.#users.get(userId) ?? [] }

  enlist (connection: Connection): void {
    this.#connections.set(connection.connectionId, connection)
    const others = this.#users.get(connection.userId)
    if (others === undefined) this.#users.set(connection.userId, new Set([connection]))
    else others.add(connection)
  }

  delist (connection: Connection): void {
    this.#connections.delete(connection.connectionId)
    const all = this.#users.get(connection.userId)
    all?.delete(connection)
    if (all?.size === 0) this.#users.delete(connection.userId)
  }

  /** Adds a connection to a room; `first` if nobody was there, so that the node must subscribe. */
  add (name: string, connection: Connection): { subscription: Subscription, first: boolean } {
    let room = this.#rooms.get(name)
    const first = room === undefined
    if (room === undefined) {
      this.#rooms.set(name, room = new Room(name, this.#parts))
      if (!isReserved(name)) this.#publicRooms++
    }
    return { subscription: room.add(connection), first }
  }

  /** Removes a connection from a room; `last` if nobody is left, so that the node must unsubscribe. */
  remove (name: string, connection: Connection): { last: boolean } {
    const room = this.#rooms.get(name)
    if (room === undefined) return { last: false }
    room.remove(connection)
    if (room.size > 0) return { last: false }
    this.#rooms.delete(name)
    if (!isReserved(name)) this.#publicRooms--
    return { last: true }
  }
}
