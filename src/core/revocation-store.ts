import type { Revocation } from './revocations.ts'

/** Revocations that are kept at a time; about 200 bytes each, on every node and in the store. */
export const MAX_REVOCATIONS = 100_000

/**
 * The port that keeps what was revoked, for nodes that start later. Nodes that run hear of it over `$control`, and keep all of it themselves: a
 * store that came back empty or older is told again what it has lost.
 *
 * **Growing.** A revocation stays until its `expiresAt` on the store's clock; nothing takes it back. Adding one twice is adding it once.
 *
 * **Refusal.** As of the other ports: `unavailable` where nothing happened and nothing will, `outcome_unknown` where it may have.
 */
export interface RevocationStore {
  /** @throws RoomcastError `limit_exceeded` with MAX_REVOCATIONS kept, `unavailable` or `outcome_unknown` */
  add: (revocation: Revocation) => Promise<void>

  /**
   * All that are kept and have not expired.
   * @throws RoomcastError `unavailable`
   */
  all: () => Promise<Revocation[]>

  /** Stops: later calls reject with `unavailable`. */
  close: () => Promise<void>
}
