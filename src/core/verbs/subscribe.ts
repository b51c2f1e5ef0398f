import type { Connection } from '../connection.ts'
import type { RoomMembers, SubscribeFrame } from '../frames.ts'
import { assertPublicRoom } from '../names.ts'
import type { RealtimeNode } from '../node.ts'

/**
 * Subscribes the connection to a room, with `since` from where it left off, and with `presence:true` to its joins and leaves. Doing it
 * twice is doing it once: the second is answered with the present position. If a later part fails, the first is undone.
 */
export async function subscribe (connection: Connection, node: RealtimeNode, frame: SubscribeFrame): Promise<void> {
  const { id, room, since, presence } = frame
  assertPublicRoom(room)
  await node.assertAllowed(connection.claims, 'subscribe', room)
  if (presence === true) await node.assertAllowed(connection.claims, 'presence', room)
  const present = connection.subscriptions.get(room)
  const subscription = present ?? await node.rooms.enter(connection, room)
  try {
    const snapshot = presence === true ? await node.rooms.watch(connection, room) : undefined
    if (since !== undefined && present === undefined) await node.recovery.reach(subscription, since)
    connection.assertOpen()

    // One turn from here on: what is replayed, where it ends, and what follows it.
    const replay = present === undefined ? node.recovery.replay(subscription, since) : undefined
    const members: RoomMembers | undefined = snapshot && { members: snapshot.members, version: snapshot.version }
    connection.send({ type: 'subscribed', id, room, ...subscription.open(), ...replay, ...members })
    if (snapshot !== undefined) node.rooms.tell(connection, room, snapshot)
  } catch (cause) {
    if (present === undefined) node.rooms.leave(connection, room)
    throw cause
  }
}
