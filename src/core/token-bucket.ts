/** How often something may be done, in the long run and at once. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** What may be spent of a rate: full at first, and filling up again all the time. Two numbers and no timer; instants are in milliseconds. */
export class TokenBucket {
  #left: number
  #at: number

  constructor ({ burst }: Rate, now: number) {
    this.#left = burst
    this.#at = now
  }

  /** How much is left at an instant. */
  left ({ perSecond, burst }: Rate, now: number): number {
    // A clock may be set back.
    return Math.min(burst, this.#left + Math.max(0, now - this.#at) * perSecond / 1_000)
  }

  /** Takes one; false if there is none, and nothing was taken. */
  take (rate: Rate, now: number): boolean {
    const left = this.left(rate, now)
    const isEnough = left >= 1
    this.#left = isEnough ? left - 1 : left
    this.#at = now
    return isEnough
  }
}
