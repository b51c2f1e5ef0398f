/** Something that must be written again from time to time, so that it outlives its retention in Redis. */
export interface Asserted {
  /** When it was last written, in milliseconds since 1970; 0 before it is for the first time. */
  readonly assertedAt: number
}

/**
 * The next few that are due, so that a pass over many is spread over many calls.
 * @param ageMs how old an assertion may get
 * @param most how many to take at once
 */
export function dueForAssertion<Item extends Asserted> (items: Iterable<Item>, now: number, ageMs: number, most: number): Item[] {
  const due: Item[] = []
  for (const item of items) {
    if (due.length === most) break
    if (now - item.assertedAt >= ageMs) due.push(item)
  }
  return due
}
