import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Settings } from './config.ts'
import { assertPublicRoom, EVERYONE_ROOM } from './core/names.ts'
import { CLUSTER_HOST, redisTarget } from './redis/redis-target.ts'
import { SettingsError } from './settings-error.ts'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

type NameOf = (setting: string) => string

/** @throws SettingsError where the settings of Redis do not fit each other, or what they name cannot be used */
export function assertRedisSettings (settings: Settings, nameOf: NameOf): void {
  const { redisUrl, redisCaFile, bridge } = settings
  if (redisUrl !== undefined && !isRedisUrl(redisUrl)) throw new SettingsError(nameOf('redisUrl'), 'expected a URL, its user and password percent-encoded')
  assertClusterNodes(settings, nameOf)
  assertSentinels(settings, nameOf)
  if (redisCaFile !== undefined) assertCaFile(redisCaFile, settings, nameOf)
  for (const route of bridge) assertBridge(route, settings, nameOf('bridge'))
}

/** A Redis Cluster knows one database, and its nodes tell where they are. */
function assertClusterNodes ({ redisUrl, redisClusterNodes, redisSentinels }: Settings, nameOf: NameOf): void {
  if (redisClusterNodes === undefined) return
  const name = nameOf('redisClusterNodes')
  if (redisSentinels !== undefined) throw new SettingsError(name, `expected no ${nameOf('redisSentinels')} beside it: the nodes of a Redis Cluster need none`)
  assertAddresses(redisClusterNodes, name)
  if (redisUrl === undefined) return
  const { hostname, port, pathname } = new URL(redisUrl)
  if (hostname !== CLUSTER_HOST || port !== '' || !['', '/', '/0'].includes(pathname)) {
    throw new SettingsError(nameOf('redisUrl'), `expected ${CLUSTER_HOST} for host, without a port or a database: ${name} say where it is`)
  }
}

/** The host of the URL is where a reader looks for Redis, so it must not name another place than the Sentinels do. */
function assertSentinels (settings: Settings, nameOf: NameOf): void {
  const { redisUrl, redisSentinels, redisSentinelName, redisSentinelUser, redisSentinelPassword } = settings
  if (redisSentinels === undefined) {
    if (redisSentinelName !== undefined) throw new SettingsError(nameOf('redisSentinelName'), `expected ${nameOf('redisSentinels')} too, who know the master by this name`)
    if (redisSentinelPassword !== undefined) throw new SettingsError(nameOf('redisSentinelPassword'), `expected ${nameOf('redisSentinels')} too, whose password it is`)
    if (redisSentinelUser !== undefined) throw new SettingsError(nameOf('redisSentinelUser'), `expected ${nameOf('redisSentinels')} too, who know this user`)
    return
  }
  if (redisSentinelUser !== undefined && redisSentinelPassword === undefined) {
    throw new SettingsError(nameOf('redisSentinelUser'), `expected ${nameOf('redisSentinelPassword')} too, the password of this user`)
  }
  if (redisSentinelName === undefined) throw new SettingsError(nameOf('redisSentinels'), `expected ${nameOf('redisSentinelName')} too, the master's name`)
  assertAddresses(redisSentinels, nameOf('redisSentinels'))
  if (redisUrl === undefined) return
  const { hostname, port } = new URL(redisUrl)
  if (hostname !== redisSentinelName || port !== '') {
    throw new SettingsError(nameOf('redisUrl'), `expected ${redisSentinelName} for host, without a port: ${nameOf('redisSentinels')} say where it is`)
  }
}

function assertAddresses (addresses: readonly string[], name: string): void {
  const wrong = addresses.find(address => !URL.canParse(`redis://${address}`))
  if (wrong !== undefined) throw new SettingsError(name, `expected host:port, not ${wrong}`)
}

/** A file that is not used, or holds nothing, would leave a connection that somebody believes to be checked. */
function assertCaFile (path: string, { redisUrl }: Settings, nameOf: NameOf): void {
  if (redisUrl?.startsWith('rediss://') !== true) throw new SettingsError(nameOf('redisCaFile'), `expected ${nameOf('redisUrl')} to be a rediss:// URL: only TLS has certificates`)
  try {
    const texts = readFileSync(path, 'utf8').match(CERTIFICATE) ?? []
    if (texts.map(text => new X509Certificate(text)).length === 0) throw new Error('it holds none')
  } catch (cause) {
    throw new SettingsError(nameOf('redisCaFile'), `expected a PEM file with the certificate of an authority (${cause instanceof Error ? cause.message : ''})`)
  }
}

function assertBridge ({ channel, room }: Settings['bridge'][number], settings: Settings, name: string): void {
  if (redisTarget(settings) === undefined) throw new SettingsError(name, 'expected Redis too, whose channels it bridges')
  if (channel.startsWith(`${settings.keyPrefix}@`)) throw new SettingsError(name, `expected channels of others, not ${channel}`)
  if (!isBridgeable(room)) throw new SettingsError(name, `expected the name of a room, or ${EVERYONE_ROOM}, not ${room}`)
}

function isRedisUrl (text: string): boolean {
  try {
    const { username, password } = new URL(text)
    return [username, password].every(part => typeof decodeURIComponent(part) === 'string')
  } catch {
    return false
  }
}

function isBridgeable (room: string): boolean {
  try {
    if (room !== EVERYONE_ROOM) assertPublicRoom(room)
    return true
  } catch {
    return false
  }
}
