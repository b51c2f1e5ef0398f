/** With more of them the rest is likely to be more of the same. */
const MAX_KEPT = 100

export interface Finding {
  /** In the plan, in milliseconds. */
  readonly atMs: number
  readonly what: string
}

/** What is not as it must be: the open items of a soak. */
export class Findings {
  readonly kept: Finding[] = []
  /** Those included that are too many to be kept. */
  count = 0
  readonly #now: () => number

  /** @param now the time in the plan, in milliseconds */
  constructor (now: () => number) {
    this.#now = now
  }

  note (what: string): void {
    if (this.count++ < MAX_KEPT) this.kept.push({ atMs: Math.round(this.#now()), what })
  }
}
