/** Looking more often than once a second begins a second in time, since tokens expire at whole ones. */
const LOOK_INTERVAL_MS = 250

/** Does something once in every second of a clock, soon after it has begun. */
export class EachSecond {
  readonly #task: (now: number) => void
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined
  #second = 0

  /** @param now in milliseconds since 1970 */
  constructor ({ task, now }: { task: (now: number) => void, now: () => number }) {
    this.#task = task
    this.#now = now
  }

  start (): void {
    this.#timer = setInterval(() => { this.#look() }, LOOK_INTERVAL_MS)
  }

  stop (): void {
    clearInterval(this.#timer)
  }

  #look (): void {
    const now = this.#now()
    const second = Math.floor(now / 1_000)
    if (second === this.#second) return
    this.#second = second
    this.#task(now)
  }
}
