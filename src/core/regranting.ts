import type { Connection } from './connection.ts'
import { enterRoom, openRoom } from './entering.ts'
import { RoomcastError } from './errors.ts'
import { grantedRooms } from './granted.ts'
import type { RealtimeNode } from './node.ts'

/**
 * Brings a connection's subscriptions in line with a new token: what is not allowed any more ends and the client is told, and the rooms that the
 * token names begin. A room that cannot be entered now is told as refused; the next refresh, or the next connection, begins it.
 */
export async function regrant (node: RealtimeNode, connection: Connection): Promise<void> {
  const granted = grantedRooms(node, connection)
  for (const room of [...connection.subscriptions.keys()]) {
    if (!granted.has(room)) await keepIfAllowed(node, connection, room)
    if (node.rooms.isWatching(connection, room)) await watchIfAllowed(node, connection, room)
  }
  for (const room of granted) {
    if (!connection.subscriptions.has(room)) await begin(node, connection, room)
  }
}

async function keepIfAllowed (node: RealtimeNode, connection: Connection, room: string): Promise<void> {
  try {
    await node.assertAllowed(connection, 'subscribe', room)
  } catch (error) {
    const { code } = refusalOf(error)
    node.rooms.leave(connection, room)
    connection.send({ type: 'unsubscribed', room, code })
  }
}

async function watchIfAllowed (node: RealtimeNode, connection: Connection, room: string): Promise<void> {
  try {
    await node.assertAllowed(connection, 'presence', room)
  } catch (error) {
    node.rooms.unwatch(connection, room)
    connection.sendError(refusalOf(error), undefined, room)
  }
}

async function begin (node: RealtimeNode, connection: Connection, room: string): Promise<void> {
  try {
    const entered = await enterRoom(node, connection, { room })
    connection.send({ type: 'subscribed', ...openRoom(node, entered) })
  } catch (error) {
    connection.sendError(refusalOf(error), undefined, room)
  }
}

/** @throws what is no refusal */
function refusalOf (error: unknown): RoomcastError {
  if (error instanceof RoomcastError) return error
  throw error
}
