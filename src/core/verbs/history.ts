import type { Connection } from '../connection.ts'
import type { HistoryFrame } from '../frames.ts'
import { assertPublicRoom, isReserved } from '../names.ts'
import type { RealtimeNode } from '../node.ts'

/** Publications in a page where the frame names no limit. */
const DEFAULT_LIMIT = 100

/** Answers a page of a room's history. A connection may read that of the server's rooms that it is subscribed to. */
export async function history (connection: Connection, node: RealtimeNode, frame: HistoryFrame): Promise<void> {
  const { id, room, since, limit = DEFAULT_LIMIT, reverse } = frame
  if (!(isReserved(room) && connection.subscriptions.has(room))) {
    assertPublicRoom(room)
    await node.assertAllowed(connection, 'history', room)
  }
  const { epoch, offset, publications, more } = await node.recovery.history(room, { since, limit, reverse })
  connection.send({ type: 'history', id, room, epoch, offset, more, publications })
}
