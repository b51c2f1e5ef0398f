import type { Redis } from 'ioredis'

/**
 * The Redis server that a connection leads to: its clock, and which process it is.
 *
 * The clock is never ahead of the server's: the last time that it told, plus what has passed since on this process' monotonic clock. Wall
 * clocks of nodes play no part. Another process, after a restart or a fail-over, may hold an older state; so leases and countings name
 * the one that made them.
 */
export class RedisClock {
  readonly #client: Redis
  #told = 0
  #toldAt = 0
  #runId: string | undefined
  readonly #onOtherProcess: () => void
  #lastRunId: string | undefined

  /** @param onOtherProcess called when it is not the process any more that it was before a reconnect */
  constructor (client: Redis, onOtherProcess: () => void = () => {}) {
    this.#client = client
    this.#onOtherProcess = onOtherProcess
  }

  /** Asks for the first time, on a connection that is ready, and from then on after each reconnect. */
  async start (): Promise<void> {
    await this.sync()
    this.#client.on('close', () => { this.#runId = undefined })
    this.#client.on('ready', () => { this.sync().catch(() => { this.#client.disconnect(true) }) })
  }

  /** Now, in milliseconds since 1970. */
  now (): number {
    return this.#told + (performance.now() - this.#toldAt)
  }

  /** Which process answers; undefined until it has told. */
  get runId (): string | undefined { return this.#runId }

  /** Takes an instant that Redis told in the reply that has just arrived. */
  observe (told: number): void {
    this.#told = told
    this.#toldAt = performance.now()
  }

  /** Asks Redis. */
  async sync (): Promise<void> {
    const [[seconds, microseconds], info] = await Promise.all([this.#client.time(), this.#client.info('server')])
    this.observe(Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000))
    this.#runId = runIdIn(info)
    const isOther = this.#lastRunId !== undefined && this.#lastRunId !== this.#runId
    this.#lastRunId = this.#runId
    if (isOther) this.#onOtherProcess()
  }
}

/** Which process answered INFO. */
export function runIdIn (info: string): string | undefined {
  return /run_id:(\w+)/.exec(info)?.[1]
}
