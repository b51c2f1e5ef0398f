import type { Connection } from '../connection.ts'
import type { PublishFrame } from '../frames.ts'
import { idempotencyKey } from '../idempotency.ts'
import { assertPublicRoom } from '../names.ts'
import type { RealtimeNode } from '../node.ts'
import { encodePayload } from '../payload.ts'

/** Publishes to a room; answers only if the frame has an `id`. */
export async function publish (connection: Connection, node: RealtimeNode, frame: PublishFrame): Promise<void> {
  const { id, room, data, key, volatile, echo } = frame
  assertPublicRoom(room)
  await node.assertAllowed(connection, 'publish', room)
  const { userId, connectionId } = connection
  const text = encodePayload(data, node.settings.maxFrameBytes)
  const [result] = await node.publish([{
    room,
    data: text,
    from: { userId, connectionId },
    except: echo === false ? connectionId : undefined,
    volatile,
    // A retry may come over another connection of the user.
    idempotency: key === undefined ? undefined : idempotencyKey(`user:${userId}`, key, [text, echo === false, volatile === true])
  }])
  if (result === undefined) return
  const { duplicate, ...position } = result
  node.log.debug({ connectionId, userId, ...position, duplicate }, 'published')
  if (id === undefined) return
  connection.send({ type: 'published', id, ...position, ...duplicate && { duplicate } })
}
