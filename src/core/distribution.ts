/** How values are distributed, as plain numbers: taking one costs as many comparisons as there are bounds, and no memory. */
export class Distribution {
  /** Upper bounds, rising; a value belongs to the first that it does not exceed. */
  readonly bounds: readonly number[]
  /** How many values belong to each bound, and last how many exceed them all. */
  readonly counts: number[]
  sum = 0

  constructor (bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }

  add (value: number): void {
    const { bounds, counts } = this
    let index = 0
    while (index < bounds.length && value > (bounds[index] ?? Infinity)) index++
    counts[index] = (counts[index] ?? 0) + 1
    this.sum += value
  }
}
