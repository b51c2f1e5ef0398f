import { RoomcastError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { TokenAlgorithm } from './algorithms.ts'
import { fetchText } from './fetch-text.ts'
import { parseJwks } from './jwks.ts'

export interface KeySetOptions<Key> {
  /** Where the issuer publishes its JSON Web Key Set. */
  readonly url: string
  /** The one algorithm that the keys must fit. */
  readonly algorithm: TokenAlgorithm
  /** Makes of each key, given as PEM, what `find` answers. */
  readonly prepare: (pem: string) => Key
  readonly log: Logger
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number
  /** How long a fetch may take. */
  readonly timeoutMs?: number
}

/** Times of a set, in milliseconds. docs/operations.md#tokens tells of them. */
export const keySetTimes = {
  /** Beyond this age a set is fetched anew, while the keys at hand still serve: how long a removed key is accepted when all is well. */
  refreshMs: 300_000,
  /** Beyond this age no key serves: how long an outage of the issuer is bridged, and the longest that a removed key is accepted. */
  maxAgeMs: 900_000,
  /** From the end of a fetch to the next: tokens that name keys at random reach the issuer no more often. */
  pauseMs: 5_000,
  timeoutMs: 5_000
} as const

/** Largest set, in bytes; that of an issuer with a dozen certificates is about 30,000. */
const MAX_BYTES = 262_144

interface Held<Key> {
  readonly keys: ReadonlyArray<{ readonly kid: string | undefined, readonly key: Key }>
  /** When the fetch began, so that the age is never taken for less than it is. */
  readonly since: number
}

/**
 * The public keys of an issuer, fetched when needed and kept for a while. A token that names an unknown key may be the first of a
 * new one, so it causes a fetch; whoever asks meanwhile shares it. Where the issuer cannot be reached, the keys at hand
 * serve on, and of an unknown one nothing can be said: that is no refusal, but `unavailable`.
 */
export class KeySet<Key> {
  readonly #options: Required<KeySetOptions<Key>>
  #held: Held<Key> = { keys: [], since: -Infinity }
  #fetching: Promise<void> | undefined
  #abort: AbortController | undefined
  #last: { readonly outcome: 'none' | 'fetched' | 'failed', readonly at: number } = { outcome: 'none', at: -Infinity }
  #isClosed = false

  constructor (options: KeySetOptions<Key>) {
    this.#options = { now: () => performance.now(), timeoutMs: keySetTimes.timeoutMs, ...options }
  }

  /**
   * The key that a token names by its `kid`; for a token that names none, the only one of the set.
   * @throws RoomcastError `unauthorized` if the issuer has no such key, `unavailable` if it could not be asked
   */
  async find (kid: string | undefined): Promise<Key> {
    const known = this.#lookUp(kid)
    if (known === undefined) await this.refresh()
    else if (this.#ageMs >= keySetTimes.refreshMs) this.refresh()
    const found = known ?? this.#lookUp(kid)
    if (found !== undefined) return found
    if (this.#last.outcome === 'fetched' && !this.#isClosed) throw new RoomcastError('unauthorized', { cause: new Error('the issuer has no such key') })
    throw new RoomcastError('unavailable', { cause: new Error('the key set of the issuer is not to be had') })
  }

  /** Fetches the set, unless that was done or tried just now. Never rejects. */
  async refresh (): Promise<void> {
    if (this.#isClosed || this.#options.now() - this.#last.at < keySetTimes.pauseMs) return
    this.#fetching ??= this.#fetch().finally(() => { this.#fetching = undefined })
    await this.#fetching
  }

  /** Asks the issuer no more, and gives up a fetch that is under way. The keys at hand serve on. */
  close (): void {
    this.#isClosed = true
    this.#abort?.abort(new Error('closed'))
  }

  get #ageMs (): number {
    return this.#options.now() - this.#held.since
  }

  #lookUp (kid: string | undefined): Key | undefined {
    if (this.#ageMs >= keySetTimes.maxAgeMs) return undefined
    const { keys } = this.#held
    if (kid === undefined) return keys.length === 1 ? keys[0]?.key : undefined
    return keys.find(entry => entry.kid === kid)?.key
  }

  async #fetch (): Promise<void> {
    const { url, algorithm, prepare, log, now, timeoutMs } = this.#options
    const { origin, pathname } = new URL(url)
    const abort = this.#abort = new AbortController()
    const timer = setTimeout(() => { abort.abort(new Error(`it did not answer within ${timeoutMs} ms`)) }, timeoutMs)
    const since = now()
    try {
      const named = parseJwks(await fetchText(url, { signal: abort.signal, maxBytes: MAX_BYTES }), algorithm)
      this.#held = { keys: named.map(({ kid, pem }) => ({ kid, key: prepare(pem) })), since }
      this.#last = { outcome: 'fetched', at: now() }
      log[named.length === 0 ? 'warn' : 'debug']({ url: origin + pathname, algorithm, keys: named.length }, 'fetched the key set of the issuer')
    } catch (err) {
      this.#last = { outcome: 'failed', at: now() }
      log.warn({ err, url: origin + pathname }, 'the key set of the issuer could not be fetched')
    } finally {
      clearTimeout(timer)
    }
  }
}
