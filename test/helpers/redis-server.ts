import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'

export interface RedisServerOptions {
  /** A Redis Cluster of this one process, which holds all slots; or one that is to become part of a larger one. */
  readonly cluster?: 'whole' | 'part' | undefined
  /** The port on which it reaches the Redis that it replicates, from the start and until it is promoted. */
  readonly replicaOf?: number
  /** Writes each change to its log on disk before it answers, and can come back with it. */
  readonly isDurable?: boolean
}

const HOST = '127.0.0.1'
/** A Redis answers within 50 ms, a Redis Cluster waits 2 s before it takes writes; the rest is for a busy machine. */
const START_TIMEOUT_MS = 10_000
const RETRY_MS = 10
const SNAPSHOT = 'snapshot.rdb'
const LOG = 'log'
const PORT_ATTEMPTS = 5
const FATAL_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const MISSING = `There is no redis-server and no valkey-server on the PATH. Install one of them:
  Debian, Ubuntu: apt-get install redis-server
  macOS:          brew install valkey
or name the binary in REDIS_SERVER_BIN.`

/** A real Redis of the test's own. Its faults are verbs: `kill`, `pause`, `resume`, `fill`, `drain`, `restart`, `promote`. */
export class RedisServer {
  readonly port: number
  readonly #directory: string
  readonly #cluster: RedisServerOptions['cluster']
  readonly #isDurable: boolean
  #master: number | undefined
  #process: ChildProcess | undefined
  #client: Redis | undefined
  #output = ''

  constructor ({ port, directory, cluster, replicaOf, isDurable = false }: RedisServerOptions & { port: number, directory: string }) {
    this.port = port
    this.#directory = directory
    this.#cluster = cluster
    this.#isDurable = isDurable
    this.#master = replicaOf
  }

  get isRunning (): boolean { return this.#process !== undefined && !hasEnded(this.#process) }

  get url (): string { return `redis://${HOST}:${this.port}` }

  get pid (): number {
    if (this.#process?.pid === undefined) throw new Error(`the Redis at ${this.url} does not run`)
    return this.#process.pid
  }

  /** Starts the process, and waits until it is this one that answers and can be written to, or is up with the one that it replicates. */
  async start (): Promise<void> {
    this.#output = ''
    this.#process = await launch(await this.#arguments())
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => { this.#output += chunk.toString() })
    }
    await this.#until('answered PING', async () => (await this.command('INFO', 'server') as string).includes(`process_id:${this.pid}\r\n`))
    if (this.#master !== undefined) await this.#isLinked()
    if (this.#cluster !== 'whole') return
    const info = await this.command('CLUSTER', 'INFO') as string
    if (!info.includes('cluster_slots_assigned:16384')) await this.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await this.#until('said cluster_state:ok', async () => (await this.command('CLUSTER', 'INFO') as string).includes('cluster_state:ok'))
  }

  /** Ends it as a crash would, and waits until the process is gone. */
  async kill (): Promise<void> {
    this.#client?.disconnect()
    this.#client = undefined
    const child = this.#process
    this.#process = undefined
    if (child === undefined || hasEnded(child)) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  /** Stops it in its tracks, its connections open. */
  pause (): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume (): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Takes its memory, as another tenant would: it holds what it has, and refuses what needs more. */
  async fill (): Promise<void> {
    await this.command('CONFIG', 'SET', 'maxmemory', '1')
  }

  /** Gives its memory back. */
  async drain (): Promise<void> {
    await this.command('CONFIG', 'SET', 'maxmemory', '0')
  }

  /** Writes what it holds now to disk, which it does not do unasked: that is what a restart comes back with. */
  async save (): Promise<void> {
    await this.command('SAVE')
  }

  /** Kills it if it runs, and starts it again on the same port: with nothing, or with what it saved last; a durable one with all that it confirmed. */
  async restart (state: { readonly empty: true } | { readonly from: 'snapshot' | 'log' }): Promise<void> {
    await this.kill()
    if ('empty' in state) await Promise.all([SNAPSHOT, LOG].map(name => rm(join(this.#directory, name), { recursive: true, force: true })))
    await this.start()
  }

  /** Waits until a replica has all that its master was told before. */
  async hasCaughtUp (master: RedisServer): Promise<void> {
    const wanted = await master.#offset()
    await this.#until(`got up to ${wanted}`, async () => await this.#offset() >= wanted)
  }

  /** Makes a replica a master, with what it has got so far. */
  async promote (): Promise<void> {
    this.#master = undefined
    await this.command('REPLICAOF', 'NO', 'ONE')
  }

  /** Runs a command through a connection of the helper's own. */
  async command (name: string, ...args: Array<string | Buffer>): Promise<unknown> {
    this.#client ??= createClient(this.port)
    const client = this.#client
    try {
      if (client.status === 'wait') await client.connect()
      return await client.call(name, ...args)
    } catch (error) {
      if (client.status !== 'ready') this.#client = undefined
      throw error
    }
  }

  async #arguments (): Promise<string[]> {
    // A master's default is to wait 5 s for more replicas before it sends its state.
    const always = ['--port', `${this.port}`, '--bind', HOST, '--save', '', '--dir', this.#directory, '--dbfilename', SNAPSHOT, '--repl-diskless-sync-delay', '0']
    always.push(...this.#isDurable ? ['--appendonly', 'yes', '--appendfsync', 'always', '--appenddirname', LOG] : ['--appendonly', 'no'])
    if (this.#master !== undefined) always.push('--replicaof', HOST, `${this.#master}`)
    if (this.#cluster === undefined) return always
    return [...always, '--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`, '--cluster-node-timeout', '1500']
  }

  /** How far it has got in what a master tells its replicas. */
  async #offset (): Promise<number> {
    return Number(/master_repl_offset:(\d+)/.exec(await this.command('INFO', 'replication') as string)?.[1])
  }

  #isLinked (): Promise<void> {
    return this.#until('got the state of its master', async () => (await this.command('INFO', 'replication') as string).includes('master_link_status:up'))
  }

  /** Tries until a condition holds; fails when the process has ended or the time is over, saying what was missing. */
  async #until (what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS
    let last: unknown
    while (performance.now() < deadline) {
      if (this.#process === undefined || hasEnded(this.#process)) {
        throw new RedisEndedError(`the Redis at ${this.url} ended before it ${what}:\n${this.#output}`)
      }
      try {
        if (await condition()) return
      } catch (error) {
        last = error
      }
      await delay(RETRY_MS)
    }
    throw new Error(`the Redis at ${this.url} had not ${what} within ${START_TIMEOUT_MS} ms:\n${this.#output}`, { cause: last })
  }
}

/**
 * Starts a Redis on a free loopback port, with nothing in it and nothing kept; it goes with the test.
 * @throws Error that says what to install if there is no binary
 */
export async function startRedis (t: Pick<Test, 'after'>, options: RedisServerOptions = {}): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const directory = await mkdtemp(join(tmpdir(), 'roomcast-redis-'))
    const server = new RedisServer({ ...options, port: await freePort(), directory })
    const forget = killWithProcess(server)
    const tearDown = async (): Promise<void> => {
      forget()
      await server.kill()
      await rm(directory, { recursive: true, force: true })
    }
    try {
      await server.start()
      t.after(tearDown)
      return server
    } catch (error) {
      await tearDown()
      // Somebody took the port between our asking for it and Redis' taking it.
      if (!(error instanceof RedisEndedError) || attempt === PORT_ATTEMPTS) throw error
    }
  }
}

/** A test process that ends before its tear-down takes its Redis with it. Returns how to call that off. */
function killWithProcess (server: RedisServer): () => void {
  const onExit = (): void => { server.kill().catch(() => {}) }
  const onSignal = (signal: NodeJS.Signals): void => {
    forget()
    onExit()
    process.kill(process.pid, signal)
  }
  const forget = (): void => {
    process.off('exit', onExit)
    for (const signal of FATAL_SIGNALS) process.off(signal, onSignal)
  }
  process.on('exit', onExit)
  for (const signal of FATAL_SIGNALS) process.on(signal, onSignal)
  return forget
}

class RedisEndedError extends Error {}

/** Spawns the first binary that there is. */
async function launch (args: readonly string[]): Promise<ChildProcess> {
  const named = process.env['REDIS_SERVER_BIN']
  for (const binary of named === undefined ? ['redis-server', 'valkey-server'] : [named]) {
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    try {
      await once(child, 'spawn')
      return child
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    }
  }
  throw new Error(named === undefined ? MISSING : `REDIS_SERVER_BIN names ${named}, which is not there`)
}

function createClient (port: number): Redis {
  const client = new Redis({ host: HOST, port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, commandTimeout: 5_000 })
  // Each command rejects by itself.
  client.on('error', () => {})
  return client
}

function hasEnded ({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
