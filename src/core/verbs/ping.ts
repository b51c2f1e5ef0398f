import type { Connection } from '../connection.ts'
import type { PingFrame } from '../frames.ts'
import type { RealtimeNode } from '../node.ts'

/** Proves to a client that the server is there, where it cannot see the protocol's own pings. */
export function ping (connection: Connection, _node: RealtimeNode, { id }: PingFrame): void {
  connection.send({ type: 'pong', id })
}
