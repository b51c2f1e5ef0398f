import type { Socket } from 'node:net'
import { Redis, type RedisOptions } from 'ioredis'
import type { Logger } from '../core/logger.ts'
import { Complaints } from './complaints.ts'
import { withoutCommand } from './redis-calls.ts'
import { meter, type RedisMeters } from './redis-meters.ts'
import { scripts, type Publisher } from './redis-scripts.ts'
import { describeTarget, type RedisTarget } from './redis-target.ts'
import { isAboutAllSentinels, reviveEnded, sentinelOptions } from './sentinel-options.ts'
import { addressOf } from './slot-map.ts'

/** How long Redis may take to answer a command before the caller is told that it did not. */
export const COMMAND_TIMEOUT_MS = 2_000

/** How long a start waits for Redis, so that a process without one ends within five seconds. */
const START_TIMEOUT_MS = 2_000

/** How long a shutdown waits for Redis to say goodbye. */
const QUIT_TIMEOUT_MS = 500

const CONNECT_TIMEOUT_MS = 3_000
const KEEP_ALIVE_MS = 5_000
const MAX_RECONNECT_DELAY_MS = 1_000

// Nothing waits in a queue for a better time, nothing is sent twice, and nothing is resubscribed behind our back: what cannot be
// done now is refused now, and the refusal is final.
export const connectionOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: KEEP_ALIVE_MS,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_DELAY_MS) * (0.5 + Math.random() / 2)
} satisfies RedisOptions

export interface RedisClientsParts {
  readonly target: RedisTarget
  /** Certificates, as PEM, of those who may vouch for a Redis reached by TLS; absent: those that Node.js trusts. */
  readonly ca?: string | undefined
  /** How scripts tell: on plain channels, or on those that belong to slots, which a Redis Cluster has. */
  readonly pubsub?: 'plain' | 'sharded'
  /** Where to count, where somebody wants to know. */
  readonly meters?: RedisMeters
  readonly log: Logger
}

/** The two connections of a node to a Redis: one that writes and asks, one that only listens, so that neither waits for the other. */
export class RedisClients {
  readonly publisher: Publisher
  readonly subscriber: Redis
  /** Where they connect to, for people; holds no password. */
  readonly address: string
  readonly #pubsub: 'plain' | 'sharded'
  readonly #log: Logger
  #isClosed = false

  constructor ({ target, ca, pubsub = 'plain', meters, log }: RedisClientsParts) {
    // redis/ioredis#947: one of two connections was made without the authority. What both need stands in one place.
    const { url, sentinels } = target
    const shared = { ...connectionOptions, ...ca !== undefined && { tls: { ca } }, ...sentinels !== undefined && sentinelOptions(url, sentinels, ca) }
    this.publisher = new Redis(url, { ...shared, scripts: scripts[pubsub], connectionName: 'roomcast-publisher' }) as Publisher
    this.subscriber = new Redis(url, { ...shared, connectionName: 'roomcast-subscriber' })
    this.address = describeTarget(target)
    this.#pubsub = pubsub
    this.#log = log
    for (const role of ['publisher', 'subscriber'] as const) {
      const client = this[role]
      if (meters !== undefined) meter(client, role, meters)
      reportErrors(client, this.address, log)
      if (sentinels !== undefined) reviveEnded(client, () => this.#isClosed)
    }
  }

  /**
   * Connects both.
   * @throws Error that names host and port, never the password, if Redis is not usable within two seconds, or is only a part of one
   */
  async connect (): Promise<void> {
    try {
      await Promise.all([whenReady(this.publisher, this.address), whenReady(this.subscriber, this.address)])
      if (this.#pubsub === 'plain') await assertWhole(this.publisher, this.address)
      await warnOfEviction(this.publisher, this.address, this.#log)
    } catch (error) {
      this.#disconnect()
      throw error
    }
  }

  /** The number of the database that keys live in. */
  get db (): number { return this.publisher.options.db ?? 0 }

  /** Ends both connections, after the answers that are under way if Redis still gives them. */
  async close (): Promise<void> {
    this.#isClosed = true
    const ready = [this.subscriber, this.publisher].filter(({ status }) => status === 'ready')
    const quit = Promise.all(ready.map(client => client.quit().catch(() => {})))
    let timer: NodeJS.Timeout | undefined
    await Promise.race([quit, new Promise(resolve => { timer = setTimeout(resolve, QUIT_TIMEOUT_MS) })])
    clearTimeout(timer)
    this.#disconnect()
  }

  #disconnect (): void {
    this.#isClosed = true
    this.publisher.disconnect()
    this.subscriber.disconnect()
  }
}

function whenReady (client: Redis, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let lastError: Error | undefined
    const onError = (error: Error): void => { if (lastError === undefined || !isAboutAllSentinels(error)) lastError = withoutCommand(error) }
    const onReady = (): void => { settle(resolve) }
    const timer = setTimeout(() => {
      const why = lastError?.message ?? 'no answer'
      settle(() => { reject(new Error(`Redis at ${address} was not ready within ${START_TIMEOUT_MS} ms: ${why}`, { cause: lastError })) })
    }, START_TIMEOUT_MS)
    function settle (act: () => void): void {
      clearTimeout(timer)
      client.off('error', onError).off('sentinelError', onError).off('ready', onReady)
      act()
    }
    client.on('error', onError).on('sentinelError', onError).on('ready', onReady)
    // Its rejection tells less than the errors that come before it.
    client.connect().catch(() => {})
  })
}

/**
 * A master of a Redis Cluster that has others refuses most keys, and goes silent when another takes its place.
 * @throws Error if this is one
 */
async function assertWhole (publisher: Redis, address: string): Promise<void> {
  const info = await publisher.info('cluster').catch(asIfUnasked)
  if (!info.includes('cluster_enabled:1')) return
  const masters = /cluster_size:(\d+)/.exec(await publisher.cluster('INFO').catch(asIfUnasked))?.[1]
  if (Number(masters) > 1) throw new Error(`Redis at ${address} is one of ${masters} masters of a Redis Cluster: name some of them in REDIS_CLUSTER_NODES`)
}

/** A Redis that evicts what it likes takes presence records and numberings, of which nobody hears. */
async function warnOfEviction (publisher: Redis, address: string, log: Logger): Promise<void> {
  const policy = /maxmemory_policy:(\S+)/.exec(await publisher.info('memory').catch(asIfUnasked))?.[1]
  if (policy === undefined || policy === 'noeviction') return
  log.warn({ redis: address, policy }, 'Redis may evict presence records and histories when it is full: set maxmemory-policy noeviction')
}

/** A user with few rights may not ask, and is taken at their word. */
function asIfUnasked (error: Error): string {
  if (error.message.startsWith('NOPERM')) return ''
  throw error
}

/** Logs what happens to a connection. */
function reportErrors (client: Redis, address: string, log: Logger): void {
  const complaints = new Complaints(log)
  client.on('error', (error: Error) => {
    complaints.warn({ err: withoutCommand(error), redis: address, role: client.options.connectionName }, 'the Redis connection failed')
  })
  client.on('sentinelError', (error: Error) => { complaints.warn({ err: error, redis: address }, 'a Sentinel did not say where Redis is') })
  client.on('ready', () => {
    const { remoteAddress, remotePort } = client.stream as Socket
    log.info({ redis: address, server: addressOf(String(remoteAddress), Number(remotePort)), role: client.options.connectionName }, 'connected to Redis')
  })
}
