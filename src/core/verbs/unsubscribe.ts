import type { Connection } from '../connection.ts'
import type { UnsubscribeFrame } from '../frames.ts'
import { RoomcastError } from '../errors.ts'
import { assertPublicRoom } from '../names.ts'
import type { RealtimeNode } from '../node.ts'

/** Ends a subscription. Delivery stops in the turn of the answer; telling the broker comes after it. */
export function unsubscribe (connection: Connection, node: RealtimeNode, { id, room }: UnsubscribeFrame): void {
  assertPublicRoom(room)
  if (!connection.subscriptions.has(room)) throw new RoomcastError('not_subscribed')
  node.rooms.leave(connection, room)
  connection.send({ type: 'unsubscribed', id, room })
}
