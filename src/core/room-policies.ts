import { CONTROL_ROOM, isReserved } from './names.ts'
import { matchesRoom } from './pattern.ts'

/** How many publications of a room are kept, and for how long. */
export interface HistoryPolicy {
  /** The newest so many; 0 keeps none. */
  readonly size: number
  /** Milliseconds. */
  readonly ttlMs: number
}

/** What becomes of a connection that does not read as fast as a room publishes: its end, or it is sent only the newest publication. */
export type SlowPolicy = 'disconnect' | 'latest'

/** What a pattern says of the rooms that it matches; what it leaves out is the default. */
export interface RoomPolicy {
  readonly pattern: string
  readonly history?: Partial<HistoryPolicy> | undefined
  readonly presence?: boolean | undefined
  readonly slow?: SlowPolicy | undefined
}

/** What is kept where no policy says otherwise, also in the server's own rooms. */
export const DEFAULT_HISTORY: HistoryPolicy = { size: 100, ttlMs: 300_000 }

/** What nodes told each other is kept for as long as a node may be cut off and still go on from where it was. */
const CONTROL_HISTORY: HistoryPolicy = { size: 10_000, ttlMs: 3_600_000 }

/** Which rooms are run how: the first pattern that matches decides. */
export class RoomPolicies {
  readonly #policies: readonly RoomPolicy[]

  constructor (policies: readonly RoomPolicy[]) {
    this.#policies = policies
  }

  /** Whether who is in a room is kept and told. Never in the server's own rooms. */
  hasPresence (room: string): boolean {
    return !isReserved(room) && (this.#policyOf(room)?.presence ?? true)
  }

  /** What is kept of a room. */
  historyOf (room: string): HistoryPolicy {
    if (room === CONTROL_ROOM) return CONTROL_HISTORY
    const { size, ttlMs } = { ...DEFAULT_HISTORY, ...this.#policyOf(room)?.history }
    return size === 0 || ttlMs === 0 ? { size: 0, ttlMs: 0 } : { size, ttlMs }
  }

  /** What becomes of a connection that is too slow for a room. */
  slowOf (room: string): SlowPolicy {
    return this.#policyOf(room)?.slow ?? 'disconnect'
  }

  #policyOf (room: string): RoomPolicy | undefined {
    return this.#policies.find(({ pattern }) => matchesRoom(pattern, room))
  }
}
