/** Where Redis is: at an address, or where Sentinels say. */
export interface RedisTarget {
  /** User, password, database and TLS; the address too, where there are no Sentinels. */
  readonly url: string
  readonly sentinels?: Sentinels | undefined
}

export interface Sentinels {
  readonly addresses: ReadonlyArray<{ readonly host: string, readonly port: number }>
  /** What they call the master. */
  readonly name: string
  readonly password?: string | undefined
}

export interface RedisTargetSettings {
  readonly redisUrl?: string
  readonly redisSentinels?: readonly string[]
  readonly redisSentinelName?: string
  readonly redisSentinelPassword?: string
}

/** Which Redis is meant by the settings; undefined: none, everything is in memory. */
export function redisTarget ({ redisUrl, redisSentinels, redisSentinelName: name, redisSentinelPassword: password }: RedisTargetSettings): RedisTarget | undefined {
  if (redisSentinels === undefined || name === undefined) return redisUrl === undefined ? undefined : { url: redisUrl }
  return { url: redisUrl ?? `redis://${name}`, sentinels: { addresses: redisSentinels.map(parseAddress), name, password } }
}

/** Takes `host:port` apart; an IPv6 address stands in brackets. */
function parseAddress (text: string): Sentinels['addresses'][number] {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

/** Where it is, for people; holds no password. */
export function describeTarget ({ url, sentinels }: RedisTarget): string {
  if (sentinels !== undefined) return `${sentinels.name} of the Sentinels ${sentinels.addresses.map(({ host, port }) => `${host}:${port}`).join(', ')}`
  const { hostname, port } = new URL(url)
  return `${hostname.replace(/^\[|\]$/g, '') || 'localhost'}:${port === '' ? 6_379 : port}`
}
