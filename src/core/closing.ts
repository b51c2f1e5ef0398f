import type { Connection } from './connection.ts'
import { within } from './within.ts'

export interface ClosingParts {
  readonly connections: readonly Connection[]
  /** How long frames that are under way are waited for. */
  readonly drainMs: number
  /** Sees to it that what those frames brought about is written. Never rejects. */
  readonly deliver: () => Promise<void>
}

/** Ends connections of a node that shuts down: no more frames are read, those that were taken are answered, then each connection gets 1001. */
export async function closeAll ({ connections, drainMs, deliver }: ClosingParts): Promise<void> {
  for (const { transport } of connections) transport.pause()
  await within(drainMs, Promise.all(connections.map(connection => connection.idle())).then(deliver))
  for (const connection of connections) {
    connection.transport.resume()
    connection.close('goingAway')
  }
}
