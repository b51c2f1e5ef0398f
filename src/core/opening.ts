import type { Connection } from './connection.ts'
import { enterRoom, openRooms, tellMembers, tooManyRooms, type EnteredRoom, type WantedRoom } from './entering.ts'
import { RoomcastError } from './errors.ts'
import { PROTOCOL, type ResumeFrame } from './frames.ts'
import { grantedRooms } from './granted.ts'
import { assertPublicRoom } from './names.ts'
import type { RealtimeNode } from './node.ts'

/** A room that was asked for, and is not allowed. */
export interface RefusedRoom {
  readonly room: string
  readonly error: RoomcastError
}

/** What a connection begins with. */
export interface Opening {
  readonly entered: readonly EnteredRoom[]
  readonly refused: readonly RefusedRoom[]
}

/**
 * Enters a connection into what it begins with: its personal rooms, its token's, and those that it resumes, each from where it left off.
 * What the client asks for may be refused, room by room; what the server grants stands, without what was asked for beside it.
 * @throws RoomcastError `unavailable` or `outcome_unknown`
 */
export async function enterFirstRooms (node: RealtimeNode, connection: Connection, resumed: ResumeFrame | undefined): Promise<Opening> {
  const { claims } = connection
  const asked = new Map<string, WantedRoom>(resumed?.rooms.map(wanted => [wanted.room, wanted]))
  const granted = grantedRooms(node, connection)
  const { maxRoomsPerConnection: most } = node.settings
  const entered: EnteredRoom[] = []
  const refused: RefusedRoom[] = []
  let askedCount = 0

  const enterAsked = async (wanted: WantedRoom): Promise<void> => {
    try {
      if (!granted.has(wanted.room)) {
        assertPublicRoom(wanted.room)
        await node.assertAllowed(connection, 'subscribe', wanted.room)
        if (++askedCount > most) throw tooManyRooms(most)
      }
      entered.push(await enterRoom(node, connection, wanted))
    } catch (error) {
      if (!isRefusal(error)) throw error
      refused.push({ room: wanted.room, error })
      if (granted.has(wanted.room)) entered.push(await enterRoom(node, connection, { ...wanted, presence: undefined }))
    }
  }
  // A room from which the token is banned is asked for like any other, and refused.
  for (const room of [...granted, ...claims.rooms ?? []]) if (!asked.has(room)) asked.set(room, { room })
  await Promise.all(Array.from(asked.values(), enterAsked))
  return { entered, refused }
}

/** Welcomes a connection into the rooms that it was entered into; from here on it is open. */
export function welcome (node: RealtimeNode, connection: Connection, { entered, refused }: Opening): void {
  const { connectionId, userId, expiresAt } = connection
  const { nodeName, pingIntervalMs, maxFrameBytes } = node.settings
  connection.isWelcomed = true
  // Before the frame: where even that is too much for the peer, the end comes with it.
  node.events.emit('connect', { connectionId, userId })
  connection.send({
    type: 'welcome',
    protocol: PROTOCOL,
    connectionId,
    userId,
    nodeName,
    expiresAt,
    pingIntervalMs,
    maxFrameBytes,
    rooms: openRooms(node, entered)
  })
  for (const room of entered) tellMembers(node, room)
  for (const { room, error } of refused) connection.sendError(error, undefined, room)
  node.log.debug({ connectionId, userId }, 'connected')
}

/** Whether a room is not allowed, which concerns that room; and not the node in trouble, which concerns the whole connection. */
function isRefusal (error: unknown): error is RoomcastError {
  return error instanceof RoomcastError && error.statusCode < 500
}
