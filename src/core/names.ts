import { RoomcastError } from './errors.ts'

/** Longest room name and user id, in UTF-8 bytes. */
export const MAX_ROOM_BYTES = 200
export const MAX_USER_ID_BYTES = 128

const RESERVED = '$'
const USER_ROOM = '$user:'

/** The room that every connection is subscribed to by the server. */
export const EVERYONE_ROOM = '$all'

/** The room in which nodes talk to each other; no connection is ever subscribed to it. */
export const CONTROL_ROOM = '$control'

/** The personal room of a user: every connection of that user is subscribed by the server, nobody else can be. */
export function userRoom (userId: string): string {
  return USER_ROOM + userId
}

/** The user whose personal room it is; undefined for every other room. */
export function userOf (room: string): string | undefined {
  return room.startsWith(USER_ROOM) ? room.slice(USER_ROOM.length) : undefined
}

/** Whether a room belongs to the server, so that no client and no request may name it. */
export function isReserved (room: string): boolean {
  return room.startsWith(RESERVED)
}

/**
 * Checks a room that somebody from outside names.
 * @throws RoomcastError `room_invalid` (its shape) or `room_forbidden` (it is reserved)
 */
export function assertPublicRoom (room: string): void {
  if (!isName(room, MAX_ROOM_BYTES)) throw new RoomcastError('room_invalid')
  if (isReserved(room)) throw new RoomcastError('room_forbidden', { message: 'Rooms that begin with $ are reserved' })
}

/**
 * Checks a user id.
 * @throws RoomcastError `user_invalid`
 */
export function assertUserId (userId: string): void {
  if (!isUserId(userId)) throw new RoomcastError('user_invalid')
}

/** Whether a string may be a user id: 1–128 bytes of well-formed Unicode without control characters. */
export function isUserId (userId: string): boolean {
  return isName(userId, MAX_USER_ID_BYTES)
}

// Lone surrogates would all become the same U+FFFD on the way to Redis, so that two rooms would share a channel.
function isName (name: string, maxBytes: number): boolean {
  if (name.length === 0 || name.length > maxBytes) return false
  return !CONTROL_CHARACTERS.test(name) && name.isWellFormed() && Buffer.byteLength(name) <= maxBytes
}

const CONTROL_CHARACTERS = /\p{Cc}/u
