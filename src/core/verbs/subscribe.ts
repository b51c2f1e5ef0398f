import type { Connection } from '../connection.ts'
import type { SubscribeFrame } from '../frames.ts'
import { assertPublicRoom } from '../names.ts'
import type { RealtimeNode } from '../node.ts'

/** Subscribes the connection to a room. Doing it twice is doing it once: the second is answered with the present position. */
export async function subscribe (connection: Connection, node: RealtimeNode, { id, room }: SubscribeFrame): Promise<void> {
  assertPublicRoom(room)
  await node.assertAllowed(connection.claims, 'subscribe', room)
  const subscription = connection.subscriptions.get(room) ?? await node.rooms.enter(connection, room)
  const { epoch, offset } = subscription.open()
  connection.send({ type: 'subscribed', id, room, epoch, offset })
}
