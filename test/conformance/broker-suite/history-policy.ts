import { DEFAULT_HISTORY, type HistoryPolicy } from '../../../src/core/room-policies.ts'

/** What is kept of rooms in the suite, by the beginning of their names. */
export function suiteHistoryOf (room: string): HistoryPolicy {
  if (room.startsWith('short')) return { ...DEFAULT_HISTORY, size: 3 }
  if (room.startsWith('brief')) return { ...DEFAULT_HISTORY, ttlMs: 300 }
  if (room.startsWith('none')) return { size: 0, ttlMs: 0 }
  return DEFAULT_HISTORY
}
