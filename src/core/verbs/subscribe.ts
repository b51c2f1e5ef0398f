import type { Connection } from '../connection.ts'
import { assertMayEnter, enterRoom, openRoom, tellMembers } from '../entering.ts'
import type { SubscribeFrame } from '../frames.ts'
import { assertPublicRoom } from '../names.ts'
import type { RealtimeNode } from '../node.ts'

/**
 * Subscribes the connection to a room, with `since` from where it left off, and with `presence:true` to its joins and leaves. Doing it
 * twice is doing it once: the second is answered with the present position.
 */
export async function subscribe (connection: Connection, node: RealtimeNode, frame: SubscribeFrame): Promise<void> {
  const { id, ...wanted } = frame
  assertPublicRoom(wanted.room)
  await node.assertAllowed(connection, 'subscribe', wanted.room)
  assertMayEnter(node, connection, wanted.room)
  const entered = await enterRoom(node, connection, wanted)
  connection.send({ type: 'subscribed', id, ...openRoom(node, entered) })
  tellMembers(node, entered)
}
