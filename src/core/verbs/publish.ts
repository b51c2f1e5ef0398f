import type { Connection } from '../connection.ts'
import type { PublishFrame } from '../frames.ts'
import { assertPublicRoom } from '../names.ts'
import type { RealtimeNode } from '../node.ts'
import { encodePayload } from '../payload.ts'

/** Publishes to a room; answers only if the frame has an `id`. */
export async function publish (connection: Connection, node: RealtimeNode, frame: PublishFrame): Promise<void> {
  const { id, room, data, echo } = frame
  assertPublicRoom(room)
  await node.assertAllowed(connection.claims, 'publish', room)
  const { userId, connectionId } = connection
  const [result] = await node.publish([{
    room,
    data: encodePayload(data),
    from: { userId, connectionId },
    except: echo === false ? connectionId : undefined
  }])
  if (id !== undefined && result !== undefined) connection.send({ type: 'published', id, ...result })
}
