import { TokenBucket, type Rate } from './token-bucket.ts'

/** Addresses that are remembered at a time. Beyond it the one that was silent longest is forgotten, and begins anew. */
export const MAX_ADDRESSES = 10_000

/** One rate for each of many addresses. */
export class AddressRates {
  readonly #rate: Rate
  /** In the order in which they were heard last. */
  readonly #buckets = new Map<string, TokenBucket>()

  constructor (rate: Rate) {
    this.#rate = rate
  }

  get size (): number { return this.#buckets.size }

  /** Charges an address; answers how long it has to wait, in milliseconds: 0 if not at all. */
  charge (address: string, now: number): number {
    const bucket = this.#buckets.get(address) ?? new TokenBucket(this.#rate, now)
    this.#buckets.delete(address)
    this.#forget(now)
    this.#buckets.set(address, bucket)
    if (bucket.take(this.#rate, now)) return 0
    return Math.ceil((1 - bucket.left(this.#rate, now)) * 1_000 / this.#rate.perSecond)
  }

  /** Who has all of its rate again need not be remembered. */
  #forget (now: number): void {
    for (const [address, bucket] of this.#buckets) {
      if (this.#buckets.size < MAX_ADDRESSES && bucket.left(this.#rate, now) < this.#rate.burst) return
      this.#buckets.delete(address)
    }
  }
}
