import { SentinelConnector as IoredisConnector, type Redis, type SentinelConnectionOptions } from 'ioredis'

type Emit = Parameters<IoredisConnector['connect']>[0]
type ConnectToSentinel = (address: unknown, options?: unknown) => Redis

/** What ioredis says of a connection that ended, whatever it ended of. */
const CLOSED = 'Connection is closed.'

/**
 * Asks the Sentinels as ioredis does, and says why one did not answer: ioredis drops what it heard of a certificate or a refused connection. It
 * listens to no error of the connections by which it hears of fail-overs either, and writes each to stderr, where nobody asked for it.
 */
export class SentinelConnector extends IoredisConnector {
  /** The connection by which a Sentinel was asked last, and what went wrong with it. */
  #asking: Redis | undefined
  #reason: Error | undefined

  // ioredis types what it constructs a connector with as unknown.
  constructor (options: unknown) {
    super(options as SentinelConnectionOptions)
    const connect: unknown = this['connectToSentinel']
    if (typeof connect === 'function') this['connectToSentinel'] = this.#listening(connect as ConnectToSentinel)
  }

  override connect (emit: Emit): ReturnType<IoredisConnector['connect']> {
    return super.connect((type, error) => { emit(type, this.#explain(error)) })
  }

  /** The connections that ask for the master are made with no options, those that listen with some. */
  #listening (connect: ConnectToSentinel): ConnectToSentinel {
    return (address, options) => {
      const client = connect.call(this, address, options)
      if (options === undefined) {
        this.#asking = client
        this.#reason = undefined
      }
      client.on('error', (error: Error) => { if (client === this.#asking) this.#reason = error })
      return client
    }
  }

  #explain (error: Error): Error {
    const reason = this.#reason
    if (reason === undefined || !error.message.includes(CLOSED)) return error
    return new Error(error.message.replace(CLOSED, () => reason.message), { cause: reason })
  }
}
