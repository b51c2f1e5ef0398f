import type { Connection } from './connection.ts'
import { RoomcastError } from './errors.ts'
import type { Replay, RoomMembers, RoomPosition } from './frames.ts'
import { grantedRooms } from './granted.ts'
import type { RealtimeNode } from './node.ts'
import type { MembersSnapshot } from './presence-store.ts'
import { bytesOf, type Position } from './publication.ts'
import type { Subscription } from './subscription.ts'

/** A room that a connection wants to be in, and how. */
export interface WantedRoom {
  readonly room: string
  /** From where to go on; absent: from now. */
  readonly since?: Position | undefined
  /** Whether it is told the room's joins and leaves. */
  readonly presence?: true | undefined
}

/** A room that a connection has entered, and that waits to be opened. */
export interface EnteredRoom {
  readonly subscription: Subscription
  readonly since: Position | undefined
  readonly snapshot: MembersSnapshot | undefined
}

/** What a client is told of a room that it has entered. */
export type OpenedRoom = RoomPosition & Partial<Replay> & Partial<RoomMembers>

/** @throws RoomcastError `limit_exceeded` if that were one room more than a connection may ask for, beside those that the server gave it */
export function assertMayEnter (node: RealtimeNode, connection: Connection, room: string): void {
  const { subscriptions } = connection
  const { maxRoomsPerConnection: most } = node.settings
  // Most have few rooms, and need no counting.
  if (subscriptions.has(room) || subscriptions.size < most) return
  const granted = grantedRooms(node, connection)
  let asked = 0
  for (const name of subscriptions.keys()) if (!granted.has(name)) asked++
  if (asked >= most) throw tooManyRooms(most)
}

export function tooManyRooms (most: number): RoomcastError {
  return new RoomcastError('limit_exceeded', { message: `A connection may be in ${most} rooms at a time` })
}

/**
 * Does everything about a subscription that has to wait: the room is entered, what was missed brought up, the members read. Who is
 * subscribed already stays so, and goes on from where it is. If a later part fails, the first is undone.
 * @throws RoomcastError `room_forbidden` (presence), `unavailable` or `outcome_unknown`
 */
export async function enterRoom (node: RealtimeNode, connection: Connection, { room, since, presence }: WantedRoom): Promise<EnteredRoom> {
  if (presence === true) await node.assertAllowed(connection, 'presence', room)
  const present = connection.subscriptions.get(room)
  const subscription = present ?? await node.rooms.enter(connection, room)
  try {
    const snapshot = presence === true ? await node.rooms.watch(connection, room) : undefined
    if (present !== undefined) return { subscription, since: undefined, snapshot }
    if (since !== undefined) await node.recovery.reach(subscription, since)
    connection.assertOpen()
    return { subscription, since, snapshot }
  } catch (cause) {
    if (present === undefined) node.rooms.leave(connection, room)
    throw cause
  }
}

/**
 * Opens an entered room: what is replayed, where that ends, and what follows it belong to one turn, in which the caller writes what this
 * answers, and then calls `tellMembers`.
 * @param takenBytes what other replays take up in the same reply
 */
export function openRoom (node: RealtimeNode, { subscription, since, snapshot }: EnteredRoom, takenBytes = 0): OpenedRoom {
  const replay = node.recovery.replay(subscription, since, takenBytes)
  const members = snapshot && { members: snapshot.members, version: snapshot.version }
  const { connection: { connectionId, userId }, room: { name: room } } = subscription
  const position = subscription.open()
  const { recovered, publications } = replay ?? {}
  node.log.debug({ connectionId, userId, room, ...position, since, recovered, replayed: publications?.length }, 'subscribed')
  return { room, ...position, ...replay, ...members }
}

/**
 * Opens the rooms of one reply, which share what may be sent at once: a replay that does not fit beside those before it is not sent.
 */
export function openRooms (node: RealtimeNode, entered: readonly EnteredRoom[]): OpenedRoom[] {
  let takenBytes = 0
  return entered.map(room => {
    const opened = openRoom(node, room, takenBytes)
    for (const publication of opened.publications ?? []) takenBytes += bytesOf(publication)
    return opened
  })
}

/** Goes on from the members that the caller has written in this turn. */
export function tellMembers (node: RealtimeNode, { subscription: { connection, room }, snapshot }: EnteredRoom): void {
  if (snapshot !== undefined) node.rooms.tell(connection, room.name, snapshot)
}
