import type { Redis } from 'ioredis'

/**
 * Redis' clock as seen from here, never ahead of it: the last time that Redis told, plus what has passed since on this process'
 * monotonic clock. Wall clocks of nodes play no part.
 */
export class RedisClock {
  readonly #client: Redis
  #told = 0
  #toldAt = 0

  constructor (client: Redis) {
    this.#client = client
  }

  /** Now, in milliseconds since 1970. */
  now (): number {
    return this.#told + (performance.now() - this.#toldAt)
  }

  /** Takes an instant that Redis told in the reply that has just arrived. */
  observe (told: number): void {
    this.#told = told
    this.#toldAt = performance.now()
  }

  /** Asks Redis. */
  async sync (): Promise<void> {
    const [seconds, microseconds] = await this.#client.time()
    this.observe(Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000))
  }
}
