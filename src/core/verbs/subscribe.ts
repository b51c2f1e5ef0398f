import type { Connection } from '../connection.ts'
import type { SubscribeFrame } from '../frames.ts'
import { assertPublicRoom } from '../names.ts'
import type { RealtimeNode } from '../node.ts'

/**
 * Subscribes the connection to a room, and with `presence:true` to its joins and leaves. Doing it twice is doing it once: the second
 * is answered with the present position. If the second half fails, the first is undone.
 */
export async function subscribe (connection: Connection, node: RealtimeNode, frame: SubscribeFrame): Promise<void> {
  const { id, room } = frame
  assertPublicRoom(room)
  await node.assertAllowed(connection.claims, 'subscribe', room)
  if (frame.presence === true) await node.assertAllowed(connection.claims, 'presence', room)
  const present = connection.subscriptions.get(room)
  const subscription = present ?? await node.rooms.enter(connection, room)
  if (frame.presence !== true) {
    connection.send({ type: 'subscribed', id, room, ...subscription.open() })
    return
  }
  try {
    const snapshot = await node.rooms.watch(connection, room)
    const { members, version } = snapshot
    connection.send({ type: 'subscribed', id, room, ...subscription.open(), members, version })
    node.rooms.tell(connection, room, snapshot)
  } catch (cause) {
    if (present === undefined) node.rooms.leave(connection, room)
    throw cause
  }
}
