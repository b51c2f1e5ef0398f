import { DEFAULT_HISTORY, type HistoryPolicy } from '../../../src/core/room-policies.ts'

/** For how long the rooms are kept whose names begin with `brief`. */
export const BRIEF_MS = 300

/** What is kept of rooms in the suite, by the beginning of their names. */
export function suiteHistoryOf (room: string): HistoryPolicy {
  if (room.startsWith('short')) return { ...DEFAULT_HISTORY, size: 3 }
  if (room.startsWith('brief')) return { size: 10_000, ttlMs: BRIEF_MS }
  if (room.startsWith('none')) return { size: 0, ttlMs: 0 }
  return DEFAULT_HISTORY
}
