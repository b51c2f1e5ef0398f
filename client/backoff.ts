export interface BackoffOptions {
  /** Failures in a row before this wait. */
  readonly failures: number
  readonly baseMs: number
  readonly maxMs: number
  /** A number from 0 up to, but not including, 1. */
  readonly random: number
}

/**
 * Full jitter: how long to wait before the next attempt, in milliseconds: anything up to a span that doubles with each failure. So clients that
 * were all cut at once come back spread out, from the first attempt on.
 */
export function backoff ({ failures, baseMs, maxMs, random }: BackoffOptions): number {
  return Math.floor(random * Math.min(maxMs, baseMs * 2 ** failures))
}
