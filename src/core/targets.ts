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

/** One room to publish to; `user` where it is the personal room of one. */
export interface AddressedRoom {
  readonly room: string
  readonly user?: string
}

/**
 * The rooms that a target stands for, each once, in the order named.
 * @throws RoomcastError `request_invalid` (none or several targets), `room_invalid`, `room_forbidden`, `user_invalid`
 */
export function roomsOf (target: PublishTarget): AddressedRoom[] {
  const { room, rooms, user, users, everyone } = target
  if ([room, rooms, user, users, everyone].filter(one => one !== undefined).length !== 1) {
    throw new RoomcastError('request_invalid', { message: 'Name exactly one of room, rooms, user, users, everyone' })
  }
  if (everyone !== undefined) return [{ room: EVERYONE_ROOM }]
  const names = rooms ?? (room === undefined ? undefined : [room])
  if (names !== undefined) return unique(names).map(addressRoom)
  return unique(users ?? [user ?? '']).map(addressUser)
}

function addressRoom (room: string): AddressedRoom {
  assertPublicRoom(room)
  return { room }
}

function addressUser (user: string): AddressedRoom {
  assertUserId(user)
  return { room: userRoom(user), user }
}

function unique (names: readonly string[]): string[] {
  return [...new Set(names)]
}
