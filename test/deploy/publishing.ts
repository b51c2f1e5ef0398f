import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { API_KEY, withKey } from '../helpers/server-process.ts'

const GIVE_UP_MS = 20_000
const RETRY_MS = 100
const ANSWER_MS = 5_000

/** A backend that publishes numbers, one after the other, and repeats under the same key what was not answered, as backends should. */
export class Publishing {
  readonly #url: string
  readonly #room: string
  #isStopped = false
  #count = 0
  /** Answers other than 200, and what was no answer, by what they were. */
  readonly setbacks = new Map<string, number>()

  constructor (url: string, room: string) {
    this.#url = url
    this.#room = room
  }

  /** How many were published so far; they are the numbers from 1 up to this. */
  get count (): number { return this.#count }

  /** Publishes, so many milliseconds apart, until it is stopped. */
  async run (everyMs: number): Promise<void> {
    while (!this.#isStopped) {
      await this.one()
      await delay(everyMs)
    }
  }

  stop (): void {
    this.#isStopped = true
  }

  /** Publishes the next number. */
  async one (): Promise<void> {
    const body = JSON.stringify({ room: this.#room, data: this.#count + 1 })
    const headers = { ...withKey(API_KEY), 'content-type': 'application/json', 'idempotency-key': randomUUID() }
    for (const deadline = performance.now() + GIVE_UP_MS; ; await delay(RETRY_MS)) {
      const outcome = await this.#post(body, headers)
      if (outcome === '200') break
      this.setbacks.set(outcome, (this.setbacks.get(outcome) ?? 0) + 1)
      if (performance.now() > deadline) throw new Error(`number ${this.#count + 1} could not be published: ${outcome}`)
    }
    this.#count++
  }

  async #post (body: string, headers: Record<string, string>): Promise<string> {
    try {
      const answer = await fetch(`${this.#url}/publish`, { method: 'POST', body, headers, signal: AbortSignal.timeout(ANSWER_MS) })
      await answer.arrayBuffer()
      return `${answer.status}`
    } catch (error) {
      return String((error as Error).cause ?? error)
    }
  }
}
