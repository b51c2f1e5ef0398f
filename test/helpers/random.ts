/** A number from `min` up to, but not including, `max`. */
export type Between = (min: number, max: number) => number

/** Randomness that is the same each time for the same seed (mulberry32). */
export function seeded (seed: number): Between {
  let state = seed >>> 0
  return (min, max) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return min + (max - min) * (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32)
  }
}
