import type { Connection } from '../connection.ts'
import { RoomcastError } from '../errors.ts'
import type { RefreshFrame } from '../frames.ts'
import type { RealtimeNode } from '../node.ts'
import { regrant } from '../regranting.ts'

/** Goes on under a new token of the same user: until that one expires, and with what that one allows. */
export async function refresh (connection: Connection, node: RealtimeNode, { id, token }: RefreshFrame): Promise<void> {
  const claims = await node.verify(token)
  if (claims.sub !== connection.userId) throw new RoomcastError('unauthorized', { message: 'The token is of another user: connect again' })
  connection.refresh(claims)
  node.meters.refreshes++
  connection.send({ type: 'refreshed', id, expiresAt: connection.expiresAt })
  await regrant(node, connection)
}
