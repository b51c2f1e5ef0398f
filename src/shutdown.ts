import type { FastifyBaseLogger } from 'fastify'

/** How long a shutdown may take before the process gives up on it, in milliseconds. */
export const SHUTDOWN_TIMEOUT_MS = 9_500

/**
 * npm hands a Ctrl-C on to a process that the terminal has told already. What comes so soon after the first signal is its echo and not a
 * second wish, in milliseconds.
 */
const ECHO_MS = 1_000

/** Not those by which the system tells of a broken process (SIGSEGV and the like): after these no JavaScript can be trusted to run. */
const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR2'] as const

type Signal = typeof signals[number]

/** What a person sends who does not want to wait. Supervisors send SIGTERM, and some send it twice. */
const impatient: readonly Signal[] = ['SIGINT', 'SIGQUIT']

/** Errors in full in the log; what fails in a loop would fill it. */
const MAX_ERRORS_LOGGED = 10

export interface ShutdownParts {
  readonly close: () => Promise<void>
  readonly log: FastifyBaseLogger
}

/**
 * Ends the process in order and once, whoever asks: a signal, or an error that nobody handled, after which no state can be trusted. What
 * comes while it ends does not cut it short, or presence records would stay behind; only a second SIGINT or SIGQUIT does, and the time-out.
 * docs/operations.md#shutdown
 */
export class Shutdown {
  readonly #parts: ShutdownParts
  #begunAt: number | undefined
  #errors = 0

  constructor (parts: ShutdownParts) {
    this.#parts = parts
    for (const signal of signals) process.on(signal, this.#onSignal)
    process.on('uncaughtException', this.#onError).on('unhandledRejection', this.#onError)
  }

  /** Leaves the process to its defaults, for a start that failed and ends by itself. */
  uninstall (): void {
    for (const signal of signals) process.off(signal, this.#onSignal)
    process.off('uncaughtException', this.#onError).off('unhandledRejection', this.#onError)
  }

  readonly #onSignal = (signal: Signal): void => {
    const { log } = this.#parts
    if (this.#begunAt === undefined) {
      log.info({ signal }, 'shutting down')
      this.#begin()
    } else if (impatient.includes(signal) && performance.now() - this.#begunAt > ECHO_MS) {
      log.warn({ signal }, 'ending at once, as was asked for again')
      process.exit(1)
    }
  }

  readonly #onError = (err: unknown): void => {
    if (++this.#errors <= MAX_ERRORS_LOGGED) this.#parts.log.fatal({ err }, 'an error that nobody handled; shutting down')
    this.#begin()
  }

  #begin (): void {
    if (this.#begunAt !== undefined) return
    this.#begunAt = performance.now()
    setTimeout(() => {
      this.#parts.log.error({ ms: SHUTDOWN_TIMEOUT_MS }, 'the shutdown took too long')
      process.exit(1)
    }, SHUTDOWN_TIMEOUT_MS)
    this.#close()
  }

  async #close (): Promise<void> {
    try {
      await this.#parts.close()
    } catch (err) {
      this.#errors++
      this.#parts.log.error({ err }, 'the shutdown failed')
    }
    process.exit(this.#errors > 0 ? 1 : 0)
  }
}
