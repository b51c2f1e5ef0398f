import { seeded, type Between } from '../helpers/random.ts'

/** Spreads the numbers of neighbouring cases over all seeds: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e3779b1

/** The one source of chance. Each case has its own, made of the seed and the case's number, so that it can be repeated alone. */
export class Dice {
  readonly #between: Between

  constructor (seed: number, number: number) {
    this.#between = seeded(seed ^ Math.imul(number + 1, SPREAD))
  }

  /** A whole number, both ends included. */
  int (min: number, max: number): number {
    return Math.floor(this.#between(min, max + 1))
  }

  /** True in so many cases of 100. */
  percent (share: number): boolean {
    return this.#between(0, 100) < share
  }

  pick<T> (list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from')
    return list[this.int(0, list.length - 1)] as T
  }

  /** Throws once for how many, then once for each. */
  some<T> (min: number, max: number, make: () => T): T[] {
    return Array.from({ length: this.int(min, max) }, make)
  }

  bytes (length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(0, 255)))
  }
}
