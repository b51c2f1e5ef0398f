import type { RoomPolicy } from './room-policies.ts'
import type { UpkeepSettings } from './upkeep.ts'

/** What a node is told about how to run. */
export interface NodeSettings extends UpkeepSettings {
  readonly nodeName: string
  readonly heartbeatMs: number
  readonly maxFrameBytes: number
  readonly maxBufferedBytes: number
  /** Rooms beside those that the server gives. */
  readonly maxRoomsPerConnection: number
  /** How long a shutdown waits for frames that are under way. */
  readonly drainMs: number
  /** How long presence outlives a shutdown, so that users who are back within it never were offline. */
  readonly shutdownGraceMs: number
  readonly rooms: readonly RoomPolicy[]
}
