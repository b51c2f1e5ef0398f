import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { startRedis, type RedisServer } from './redis-server.ts'
import { freePort } from './free-port.ts'
import { secure, type Security } from './secured-redis.ts'
import { until } from './until.ts'

const NAME = 'test-master'
const SENTINELS = 3
/** They find each other and the replicas through the master, which they ask every ten seconds, and tell each other every two. */
const MEETING_MS = 20_000
const FAILOVER_MS = 20_000
const LINK_MS = 10_000

/** What a node needs at a Sentinel: to ask for the master, to learn of the other Sentinels, and to be told of a fail-over. */
const NODE_RULES = ['resetchannels', '&+switch-master', '+subscribe', '+sentinel|get-master-addr-by-name', '+sentinel|sentinels']

interface SentinelSetParts {
  readonly master: RedisServer
  readonly replica: RedisServer
  /** Of the Sentinels. */
  readonly ports: readonly number[]
  /** The port that the Sentinels tell of each Redis. */
  readonly told: ReadonlyMap<RedisServer, number>
  readonly clients: readonly Redis[]
  readonly security: Security | undefined
}

/** A master, its replica, and three Sentinels that watch them. */
export class SentinelSet {
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly name = NAME
  readonly #parts: SentinelSetParts

  constructor (parts: SentinelSetParts) {
    this.master = parts.master
    this.replica = parts.replica
    this.#parts = parts
  }

  /** What a node must be told to find this set, and to be let in. */
  get env (): Record<string, string> {
    const { ports, security } = this.#parts
    const host = security === undefined ? '127.0.0.1' : '[::1]'
    const env = { REDIS_URL: '', REDIS_SENTINELS: ports.map(port => `${host}:${port}`).join(','), REDIS_SENTINEL_NAME: this.name }
    if (security === undefined) return env
    return {
      ...env,
      REDIS_URL: this.url('node', security.redis.node),
      REDIS_SENTINEL_USER: 'node',
      REDIS_SENTINEL_PASSWORD: security.sentinels.node,
      REDIS_CA_FILE: security.certificates.caFile
    }
  }

  /** The URL by which a user logs in to Redis. */
  url (user: string, password: string): string {
    return `rediss://${user}:${encodeURIComponent(password)}@${this.name}`
  }

  /** The port of a Redis for nodes, as the Sentinels tell it. */
  portOf (redis: RedisServer): number {
    const port = this.#parts.told.get(redis)
    if (port === undefined) throw new Error(`the Redis at ${redis.url} is not of this set`)
    return port
  }

  /** Makes the replica the master, both alive. */
  async failOver (): Promise<void> {
    await this.#parts.clients[0]?.call('SENTINEL', 'FAILOVER', this.name)
  }

  /** Waits until every Sentinel says that this is the master. */
  async isMaster (redis: RedisServer, ms = FAILOVER_MS): Promise<void> {
    const { clients } = this.#parts
    await until('where the Sentinels say the master is', clients.map(() => `${this.portOf(redis)}`), () => Promise.all(clients.map(async client => {
      const [, port] = await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name) as string[]
      return port
    })), ms)
  }

  /** Waits until each Sentinel knows the replica and the other Sentinels: before that there is no fail-over. */
  async hasMet (): Promise<void> {
    const met = `slaves=1,sentinels=${SENTINELS}`
    for (const client of this.#parts.clients) {
      await until('whom a Sentinel has met', true, async () => (await client.info('sentinel')).includes(met), MEETING_MS)
    }
  }
}

/** Starts a set; it goes with the test. A secured one has passwords for everybody, nothing but TLS, and IPv6 addresses. */
export async function startSentinelSet (t: Pick<Test, 'after'>, { security }: { readonly security?: Security } = {}): Promise<SentinelSet> {
  const master = await startRedis(t)
  const replica = await startRedis(t, security === undefined ? { replicaOf: master.port } : {})
  const told = security === undefined ? new Map([[master, master.port], [replica, replica.port]]) : await link(master, replica, security)
  const ports = await Promise.all(Array.from({ length: SENTINELS }, freePort))
  const clients: Redis[] = []
  for (const port of ports) clients.push(await startSentinel(t, { port, masterPort: Number(told.get(master)), security }))
  const set = new SentinelSet({ master, replica, ports, told, clients, security })
  await set.hasMet()
  return set
}

/** Secures two, makes one the replica of the other, and tells their ports for TLS. */
async function link (master: RedisServer, replica: RedisServer, security: Security): Promise<Map<RedisServer, number>> {
  const port = await secure(master, security)
  const told = new Map([[master, port], [replica, await secure(replica, security)]])
  await replica.command('REPLICAOF', '::1', `${port}`)
  await until('the replica has its master', true, async () => String(await replica.command('INFO', 'replication')).includes('master_link_status:up'), LINK_MS)
  return told
}

interface SentinelParts {
  readonly port: number
  readonly masterPort: number
  readonly security: Security | undefined
}

async function startSentinel (t: Pick<Test, 'after'>, { port, masterPort, security }: SentinelParts): Promise<Redis> {
  const directory = await mkdtemp(join(tmpdir(), 'roomcast-sentinel-'))
  const file = join(directory, 'sentinel.conf')
  await writeFile(file, `dir ${directory}
${security === undefined ? openlyAt(port, masterPort) : securelyAt(port, masterPort, security)}
sentinel down-after-milliseconds ${NAME} 1000
sentinel failover-timeout ${NAME} 5000
`)
  const child = spawn(process.env['REDIS_SERVER_BIN'] ?? 'redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  const client = new Redis({ host: '127.0.0.1', port, enableReadyCheck: false, retryStrategy: () => 50, commandTimeout: 5_000, ...await entry(security) })
  client.on('error', () => {})
  const killNow = (): void => { child.kill('SIGKILL') }
  process.once('exit', killNow)
  t.after(async () => {
    process.off('exit', killNow)
    client.disconnect()
    await end(child)
    await rm(directory, { recursive: true, force: true })
  })
  await client.ping()
  if (security !== undefined) await client.call('ACL', 'SETUSER', 'node', 'on', `>${security.sentinels.node}`, ...NODE_RULES)
  return client
}

/** How a Sentinel is told where it is, and where the master is. */
function openlyAt (port: number, masterPort: number): string {
  return `bind 127.0.0.1
port ${port}
sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`
}

/** The same, and to let nobody in without a password, to speak nothing but TLS, and as whom to log in to Redis. */
function securelyAt (port: number, masterPort: number, { certificates: { caFile, certFile, keyFile }, redis, sentinels }: Security): string {
  return `bind 127.0.0.1 ::1
port 0
tls-port ${port}
tls-replication yes
tls-auth-clients no
tls-ca-cert-file ${caFile}
tls-cert-file ${certFile}
tls-key-file ${keyFile}
requirepass ${JSON.stringify(sentinels.standard)}
sentinel monitor ${NAME} ::1 ${masterPort} 2
sentinel auth-user ${NAME} replica
sentinel auth-pass ${NAME} ${JSON.stringify(redis.replica)}`
}

/** How the helper's own connection gets in. */
async function entry (security: Security | undefined): Promise<{ password?: string, tls?: { ca: Buffer } }> {
  return security === undefined ? {} : { password: security.sentinels.standard, tls: { ca: await readFile(security.certificates.caFile) } }
}

async function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
