import { TokenBucket, type Rate } from './token-bucket.ts'

/** What becomes of a frame. */
export type Charge =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused', readonly retryAfterMs: number }
  | { readonly kind: 'flooding' }

const TAKEN: Charge = { kind: 'taken' }
const FLOODING: Charge = { kind: 'flooding' }

/**
 * How many frames one connection may still send. What is refused costs nothing of it, but has a budget of its own, of the same rate:
 * a connection that sends a little more than it may is served as much as it may, and one that sends more than twice as much is flooding.
 */
export class FrameBudget {
  readonly #rate: Rate
  readonly #frames: TokenBucket
  /** Most connections never need it. */
  #refusals: TokenBucket | undefined

  constructor (rate: Rate, now: number) {
    this.#rate = rate
    this.#frames = new TokenBucket(rate, now)
  }

  /** Charges one frame. Those that were refused at once are told to come back one after the other. */
  charge (now: number): Charge {
    if (this.#frames.take(this.#rate, now)) return TAKEN
    this.#refusals ??= new TokenBucket(this.#rate, now)
    if (!this.#refusals.take(this.#rate, now)) return FLOODING
    const { perSecond, burst } = this.#rate
    const refused = burst - this.#refusals.left(this.#rate, now)
    const missing = refused - this.#frames.left(this.#rate, now)
    return { kind: 'refused', retryAfterMs: Math.max(1, Math.ceil(missing * 1_000 / perSecond)) }
  }
}
