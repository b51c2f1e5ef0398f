import { RoomcastError } from './errors.ts'
import { assertPublicRoom, assertUserId, EVERYONE_ROOM, userRoom } from './names.ts'

/** Whom a backend publishes to: exactly one of these. */
export interface PublishTarget {
  readonly room?: string | undefined
  readonly rooms?: readonly string[] | undefined
  readonly user?: string | undefined
  readonly users?: readonly string[] | undefined
  readonly everyone?: true | undefined
}

/**
 * The rooms that a target stands for, each once, in the order named.
 * @throws RoomcastError `request_invalid` (none or several targets), `room_invalid`, `room_forbidden`, `user_invalid`
 */
export function roomsOf (target: PublishTarget): string[] {
  const { room, rooms, user, users, everyone } = target
  if ([room, rooms, user, users, everyone].filter(one => one !== undefined).length !== 1) {
    throw new RoomcastError('request_invalid', { message: 'Name exactly one of room, rooms, user, users, everyone' })
  }
  if (everyone !== undefined) return [EVERYONE_ROOM]
  const names = rooms ?? (room === undefined ? undefined : [room])
  if (names !== undefined) return unique(names).map(publicRoom)
  return unique(users ?? [user ?? '']).map(personalRoom)
}

function publicRoom (room: string): string {
  assertPublicRoom(room)
  return room
}

function personalRoom (user: string): string {
  assertUserId(user)
  return userRoom(user)
}

function unique (names: readonly string[]): string[] {
  return [...new Set(names)]
}
