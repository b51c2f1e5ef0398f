import type { RoomPolicy } from './room-policies.ts'
import type { UpkeepSettings } from './upkeep.ts'

/** What a node is told about how to run. */
export interface NodeSettings extends UpkeepSettings {
  readonly nodeName: string
  /** Of Roomcast. */
  readonly version: string
  readonly heartbeatMs: number
  readonly maxFrameBytes: number
  readonly maxBufferedBytes: number
  /** Of all connections together. */
  readonly maxTotalBufferedBytes: number
  /** Frames that a connection may send in the long run, and at once. */
  readonly maxFramesPerSecond: number
  readonly frameBurst: number
  /** Rooms beside those that the server gives. */
  readonly maxRoomsPerConnection: number
  /** Connections that one user may have at a time, on all nodes together. */
  readonly maxConnectionsPerUser: number
  /** Whether one more is refused, or replaces the oldest. */
  readonly connectionsPerUserPolicy: 'refuse' | 'replace'
  /** How long a shutdown waits for frames that are under way. */
  readonly drainMs: number
  /** How long presence outlives a shutdown, so that users who are back within it never were offline. */
  readonly shutdownGraceMs: number
  readonly rooms: readonly RoomPolicy[]
}
