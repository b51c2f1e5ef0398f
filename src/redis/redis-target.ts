import { addressOf } from './slot-map.ts'

/** Where Redis is: at an address, or where Sentinels say. */
export interface RedisTarget {
  /** User, password, database and TLS; the address too, where there are no Sentinels. */
  readonly url: string
  readonly sentinels?: Sentinels | undefined
}

/** A Redis Cluster. */
export interface ClusterTarget {
  /** User, password and TLS. */
  readonly url: string
  /** Some of its nodes, which tell the others. */
  readonly nodes: readonly Address[]
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Sentinels {
  readonly addresses: readonly Address[]
  /** What they call the master. */
  readonly name: string
  /** Who logs in to them; absent: the user that a password alone is for. */
  readonly user?: string | undefined
  readonly password?: string | undefined
}

export interface RedisTargetSettings {
  readonly redisUrl?: string
  readonly redisClusterNodes?: readonly string[]
  readonly redisSentinels?: readonly string[]
  readonly redisSentinelName?: string
  readonly redisSentinelUser?: string
  readonly redisSentinelPassword?: string
}

/** What stands for the host in the URL of a Redis Cluster, whose nodes are named elsewhere. */
export const CLUSTER_HOST = 'cluster'

/** Which Redis is meant by the settings; undefined: none, everything is in memory. */
export function redisTarget (settings: RedisTargetSettings): RedisTarget | ClusterTarget | undefined {
  const { redisUrl, redisClusterNodes, redisSentinels, redisSentinelName: name, redisSentinelUser: user, redisSentinelPassword: password } = settings
  if (redisClusterNodes !== undefined) return { url: redisUrl ?? `redis://${CLUSTER_HOST}`, nodes: redisClusterNodes.map(parseAddress) }
  if (redisSentinels === undefined || name === undefined) return redisUrl === undefined ? undefined : { url: redisUrl }
  return { url: redisUrl ?? `redis://${name}`, sentinels: { addresses: redisSentinels.map(parseAddress), name, user, password } }
}

/** The URL of one node of a Redis Cluster, with what the URL for all of them says. */
export function nodeUrl (url: string, address: string): string {
  const { protocol, username, password } = new URL(url)
  const login = username === '' && password === '' ? '' : `${username}:${password}@`
  return `${protocol}//${login}${address}`
}

/** Takes `host:port` apart; an IPv6 address stands in brackets. */
function parseAddress (text: string): Address {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

/** Where it is, for people; holds no password. */
export function describeTarget (target: RedisTarget | ClusterTarget): string {
  if ('nodes' in target) return listAddresses(target.nodes)
  const { url, sentinels } = target
  if (sentinels !== undefined) return `${sentinels.name} of the Sentinels ${listAddresses(sentinels.addresses)}`
  const { hostname, port } = new URL(url)
  return `${hostname || 'localhost'}:${port === '' ? 6_379 : port}`
}

function listAddresses (addresses: readonly Address[]): string {
  return addresses.map(({ host, port }) => addressOf(host, port)).join(', ')
}
