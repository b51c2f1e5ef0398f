import type { Connection } from './connection.ts'
import { RoomcastError } from './errors.ts'
import type { ResumeFrame, ServerFrame } from './frames.ts'
import { assertPublicRoom, EVERYONE_ROOM, userRoom } from './names.ts'
import type { RealtimeNode } from './node.ts'
import type { MembersSnapshot } from './presence-store.ts'
import type { Subscription } from './subscription.ts'

type WelcomeRoom = Extract<ServerFrame, { type: 'welcome' }>['rooms'][number]
type WantedRoom = ResumeFrame['rooms'][number]

/** A room that a connection is in when it is welcomed. */
interface EnteredRoom {
  readonly wanted: WantedRoom
  readonly subscription: Subscription
  readonly snapshot: MembersSnapshot | undefined
}

/** A room that was asked for, and is not allowed or not to be had. */
export interface RefusedRoom {
  readonly room: string
  readonly error: RoomcastError
}

/** What a connection begins with. */
export interface Opening {
  /** Opens every subscription, in one turn with the welcome that these are written in. */
  readonly open: () => WelcomeRoom[]
  readonly refused: readonly RefusedRoom[]
}

/**
 * Enters a connection into what it begins with: its personal rooms, its token's, and those that it resumes, each from where it left off.
 * What the server grants must succeed; what the client asks for may be refused, room by room.
 * @throws RoomcastError `unavailable` or `outcome_unknown`
 */
export async function enterRooms (node: RealtimeNode, connection: Connection, resumed: ResumeFrame | undefined): Promise<Opening> {
  const asked = new Map(resumed?.rooms.map(wanted => [wanted.room, wanted]))
  const granted = new Set([userRoom(connection.userId), EVERYONE_ROOM, ...connection.claims.rooms ?? []])
  const refused: RefusedRoom[] = []

  const tryEnter = async (wanted: WantedRoom, origin: 'granted' | 'asked'): Promise<EnteredRoom | undefined> => {
    try {
      if (origin === 'asked') {
        assertPublicRoom(wanted.room)
        await node.assertAllowed(connection.claims, 'subscribe', wanted.room)
      }
      return await enterRoom(node, connection, wanted)
    } catch (error) {
      if (!(error instanceof RoomcastError) || error.statusCode >= 500 || !connection.isOpen) throw error
      refused.push({ room: wanted.room, error })
      // What the server grants stands, without what was asked for beside it.
      return origin === 'granted' ? enterRoom(node, connection, { room: wanted.room }) : undefined
    }
  }
  const entered = await Promise.all([
    ...Array.from(granted, room => tryEnter(asked.get(room) ?? { room }, 'granted')),
    ...[...asked.values()].filter(({ room }) => !granted.has(room)).map(wanted => tryEnter(wanted, 'asked'))
  ])

  const open = (): WelcomeRoom[] => entered.flatMap(room => room === undefined ? [] : [openRoom(node, room, resumed?.connectionId)])
  return { open, refused }
}

async function enterRoom (node: RealtimeNode, connection: Connection, wanted: WantedRoom): Promise<EnteredRoom> {
  if (wanted.presence === true) await node.assertAllowed(connection.claims, 'presence', wanted.room)
  const subscription = await node.rooms.enter(connection, wanted.room)
  try {
    const snapshot = wanted.presence === true ? await node.rooms.watch(connection, wanted.room) : undefined
    if (wanted.since !== undefined) await node.recovery.reach(subscription, wanted.since)
    return { wanted, subscription, snapshot }
  } catch (cause) {
    node.rooms.leave(connection, wanted.room)
    throw cause
  }
}

function openRoom (node: RealtimeNode, { wanted, subscription, snapshot }: EnteredRoom, lostConnectionId: string | undefined): WelcomeRoom {
  const replay = node.recovery.replay(subscription, wanted.since, lostConnectionId)
  if (snapshot !== undefined) {
    // After the welcome, which is written in this turn.
    queueMicrotask(() => { node.rooms.tell(subscription.connection, wanted.room, snapshot) })
  }
  const members = snapshot && { members: snapshot.members, version: snapshot.version }
  return { room: wanted.room, ...subscription.open(), ...replay, ...members }
}
