import type { Connection } from './connection.ts'
import { EVERYONE_ROOM, userRoom } from './names.ts'
import type { RealtimeNode } from './node.ts'

/** The rooms that the server gives a connection: its personal ones, and those of its token but where it is banned. */
export function grantedRooms (node: RealtimeNode, { userId, claims }: Connection): Set<string> {
  const named = claims.rooms ?? []
  return new Set([userRoom(userId), EVERYONE_ROOM, ...named.filter(room => !node.revoker.isBanned(claims, room))])
}
