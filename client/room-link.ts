import type { SubscribeFrame, UnsubscribeFrame } from '../src/core/frames.ts'

/** How a room reaches the server. */
export interface RoomLink {
  /** Sends a request and returns its id; undefined if there is no welcomed connection. */
  readonly request: (frame: Omit<SubscribeFrame, 'id'> | Omit<UnsubscribeFrame, 'id'>) => number | undefined
}
