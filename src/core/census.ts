import type { Hub } from './hub.ts'
import { CONTROL_ROOM } from './names.ts'

/** What a node has at a moment. */
export interface Census {
  readonly connections: number
  /** Rooms that its connections are in, without the reserved ones. */
  readonly rooms: number
  /** Subscriptions of its connections, to reserved rooms too. */
  readonly subscriptions: number
  /** What waits in the sockets of all connections. */
  readonly bufferedBytes: number
}

/** Counts what is counted nowhere else: it looks at each connection and each room, so it is for every few seconds. */
export function takeCensus (hub: Hub): Census {
  let bufferedBytes = 0
  for (const { transport } of hub.connections()) bufferedBytes += transport.bufferedBytes
  let subscriptions = 0
  for (const { name, size } of hub.rooms()) if (name !== CONTROL_ROOM) subscriptions += size
  return { connections: hub.connectionCount, rooms: hub.publicRoomCount, subscriptions, bufferedBytes }
}
