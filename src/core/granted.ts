import type { Claims } from './claims.ts'
import type { Connection } from './connection.ts'
import { EVERYONE_ROOM, userRoom } from './names.ts'
import type { RealtimeNode } from './node.ts'

/** The rooms that the server gives a connection: its personal ones; and those of its token, and of the API, but where it is banned. */
export function grantedRooms (node: RealtimeNode, { userId, claims, subscriptions }: Connection): Set<string> {
  const given = Array.from(subscriptions).flatMap(([room, { isGiven }]) => isGiven ? [room] : [])
  const named = [...claims.rooms ?? [], ...given]
  return new Set([userRoom(userId), EVERYONE_ROOM, ...named.filter(room => !node.revoker.isBanned(claims, room))])
}

/** What a connection's token says; about a room that the API gave it, as if the token named that room. */
export function claimsIn (room: string, { claims, subscriptions }: Connection): Claims {
  return subscriptions.get(room)?.isGiven === true ? { ...claims, rooms: [...claims.rooms ?? [], room] } : claims
}
