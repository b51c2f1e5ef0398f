import type { Connection } from '../connection.ts'
import type { PresenceFrame } from '../frames.ts'
import { assertPublicRoom } from '../names.ts'
import type { RealtimeNode } from '../node.ts'

/** Answers who is in a room; the connection need not be subscribed to it. */
export async function presence (connection: Connection, node: RealtimeNode, { id, room }: PresenceFrame): Promise<void> {
  assertPublicRoom(room)
  await node.assertAllowed(connection, 'presence', room)
  node.rooms.assertPresence(room)
  const { members, version } = await node.members(room)
  connection.send({ type: 'presence', id, room, members, version })
}
