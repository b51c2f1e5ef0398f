import type { Redis, RedisOptions } from 'ioredis'
import type { Sentinels } from './redis-target.ts'
import { SentinelConnector } from './sentinel-connector.ts'

/** How long one Sentinel may take: a start asks several within its time. */
const SENTINEL_TIMEOUT_MS = 600
const MAX_RETRY_DELAY_MS = 500
const REVIVAL_DELAY_MS = 100

/** What a connection needs to find the master by its Sentinels, and to follow a fail-over. */
export function sentinelOptions (url: string, { addresses, name, user, password }: Sentinels, ca: string | undefined) {
  // Redis speaks TLS to its replicas exactly where its Sentinels speak it to everyone (tls-replication).
  const tls = ca === undefined ? {} : { ca }
  return {
    Connector: SentinelConnector,
    sentinels: [...addresses],
    name,
    role: 'master' as const,
    ...user !== undefined && { sentinelUsername: user },
    ...password !== undefined && { sentinelPassword: password },
    ...url.startsWith('rediss:') && { enableTLSForSentinelMode: true, tls, sentinelTLS: tls },
    connectTimeout: SENTINEL_TIMEOUT_MS,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    sentinelRetryStrategy: (attempt: number) => Math.min(50 * attempt, MAX_RETRY_DELAY_MS),
    // A master that was replaced by hand lives on, and takes publications for seconds that nobody will have.
    failoverDetector: true,
    // A detector that came back would subscribe by itself, and a refusal of that ends the process; it is renewed with the connection.
    sentinelReconnectStrategy: () => null,
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY')
  } satisfies RedisOptions
}

/** A fail-over that is told while the client asks a Sentinel makes ioredis give the connection up for good. */
export function reviveEnded (client: Redis, isClosed: () => boolean): void {
  client.on('end', () => {
    setTimeout(() => { if (!isClosed() && client.status === 'end') client.connect().catch(() => {}) }, REVIVAL_DELAY_MS)
  })
}

/** Whether an error only sums up what was told of each Sentinel before. */
export function isAboutAllSentinels ({ message }: Error): boolean {
  return message.startsWith('All sentinels are unreachable')
}
