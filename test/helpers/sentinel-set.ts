import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { startRedis, type RedisServer } from './redis-server.ts'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

const NAME = 'test-master'
const SENTINELS = 3
/** They find each other and the replicas through the master, which they ask every ten seconds, and tell each other every two. */
const MEETING_MS = 20_000
const FAILOVER_MS = 20_000

/** A master, its replica, and three Sentinels that watch them. */
export class SentinelSet {
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly name = NAME
  readonly ports: readonly number[]
  readonly #clients: readonly Redis[]

  constructor ({ master, replica, ports, clients }: Pick<SentinelSet, 'master' | 'replica' | 'ports'> & { clients: readonly Redis[] }) {
    this.master = master
    this.replica = replica
    this.ports = ports
    this.#clients = clients
  }

  /** What a node must be told to find this set. */
  get env (): Record<string, string> {
    return { REDIS_URL: '', REDIS_SENTINELS: this.ports.map(port => `127.0.0.1:${port}`).join(','), REDIS_SENTINEL_NAME: this.name }
  }

  /** Makes the replica the master, both alive. */
  async failOver (): Promise<void> {
    await this.#clients[0]?.call('SENTINEL', 'FAILOVER', this.name)
  }

  /** Waits until every Sentinel says that this is the master. */
  async isMaster ({ port }: RedisServer, ms = FAILOVER_MS): Promise<void> {
    await until('where the Sentinels say the master is', this.#clients.map(() => `${port}`), () => Promise.all(this.#clients.map(async client => {
      const [, told] = await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name) as string[]
      return told
    })), ms)
  }

  /** Waits until each Sentinel knows the replica and the other Sentinels: before that there is no fail-over. */
  async hasMet (): Promise<void> {
    const met = `slaves=1,sentinels=${SENTINELS}`
    for (const client of this.#clients) {
      await until('whom a Sentinel has met', true, async () => (await client.info('sentinel')).includes(met), MEETING_MS)
    }
  }
}

/** Starts a set; it goes with the test. */
export async function startSentinelSet (t: Pick<Test, 'after'>): Promise<SentinelSet> {
  const master = await startRedis(t)
  const replica = await startRedis(t, { replicaOf: master.port })
  const ports = await Promise.all(Array.from({ length: SENTINELS }, freePort))
  const clients: Redis[] = []
  for (const port of ports) clients.push(await startSentinel(t, port, master.port))
  const set = new SentinelSet({ master, replica, ports, clients })
  await set.hasMet()
  return set
}

async function startSentinel (t: Pick<Test, 'after'>, port: number, masterPort: number): Promise<Redis> {
  const directory = await mkdtemp(join(tmpdir(), 'roomcast-sentinel-'))
  const file = join(directory, 'sentinel.conf')
  await writeFile(file, `port ${port}
bind 127.0.0.1
dir ${directory}
sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2
sentinel down-after-milliseconds ${NAME} 1000
sentinel failover-timeout ${NAME} 5000
`)
  const child = spawn(process.env['REDIS_SERVER_BIN'] ?? 'redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  const client = new Redis({ host: '127.0.0.1', port, enableReadyCheck: false, retryStrategy: () => 50, commandTimeout: 5_000 })
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
  return client
}

async function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
