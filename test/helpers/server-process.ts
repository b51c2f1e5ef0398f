import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { PublishTarget } from '../../src/core/targets.ts'
import type { Member, NodeStatus, UserPresence } from '../../src/core/presence-store.ts'
import type { Position } from '../../src/core/publication.ts'
import { Inbox } from './inbox.ts'
import { JWT_SECRET } from './token.ts'
import { within } from './within.ts'

export type Environment = Record<string, string>

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Headers
  /** The body as it came. */
  readonly text: string
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** From the start of the process, or from the signal that ended it. */
  readonly ms: number
}

export interface PublishBody extends PublishTarget {
  readonly data: unknown
  readonly except?: string
  readonly key?: string
  readonly volatile?: boolean
}

const SCRIPT = fileURLToPath(new URL('../../dist/src/server.js', import.meta.url))
const READY_MS = 30_000
const EXIT_MS = 15_000

/** The API key of every server under test that is not given another: it may do everything. */
export const API_KEY = 'a-key-for-tests-with-all-scopes-0123456789'

const defaults: Environment = {
  PORT: '0',
  HOST: '127.0.0.1',
  JWT_SECRET,
  API_KEYS: `tests:${API_KEY}`,
  LOG_LEVEL: 'info'
}

/** A server in a process of its own. */
export class ServerProcess {
  readonly name: string
  /** What it wrote to stdout and stderr, line by line. */
  readonly logs: string[] = []
  readonly #child: ChildProcess
  readonly #exit: Promise<Omit<Exit, 'ms'>>
  readonly #readiness = new Inbox<string>()
  readonly #startedAt = performance.now()
  #address = ''

  constructor (name: string, env: Environment) {
    this.name = name
    const { PATH = '' } = process.env
    this.#child = spawn(process.execPath, [SCRIPT], {
      // Not where a developer's own .env lies.
      cwd: import.meta.dirname,
      env: { PATH, NODE_NAME: name, ...defaults, ...env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    this.#exit = once(this.#child, 'close').then(([code, signal]) => {
      this.#readiness.end({ code, reason: 'as the process ended' })
      return { code, signal }
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) this.#collect(stream)
  }

  /** Such as `http://127.0.0.1:43211`. */
  get url (): string { return this.#address }
  get wsUrl (): string { return `${this.#address.replace('http', 'ws')}/ws` }
  get isRunning (): boolean { return this.#child.exitCode === null && this.#child.signalCode === null }

  get pid (): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} was not started`)
    return this.#child.pid
  }

  /** Resolves when the server says that it is ready; rejects with its log if it ends, or says nothing in time. */
  async ready (): Promise<this> {
    this.#address = await this.#readiness.next('word that it is ready', READY_MS).catch(cause => { throw this.#error(String(cause)) })
    return this
  }

  /** Resolves when the process is gone, and rejects, after killing it, if it takes too long. */
  async exit (ms = EXIT_MS, since = this.#startedAt): Promise<Exit> {
    const exit = await within('end of the process', ms, this.#exit).catch(cause => {
      this.signal('SIGKILL')
      throw this.#error(String(cause))
    })
    return { ...exit, ms: Math.round(performance.now() - since) }
  }

  /** Sends a signal, as an operator or the kernel would. */
  signal (signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  get (path: string, headers: Record<string, string> = withKey(API_KEY)): Promise<Answer> {
    return this.fetch(path, { headers })
  }

  publish (body: PublishBody, key = API_KEY): Promise<Answer> {
    return this.post('/publish', JSON.stringify(body), withKey(key))
  }

  /** Posts text as it is, as JSON unless the headers say otherwise. */
  post (path: string, body: string, headers: Record<string, string> = withKey(API_KEY)): Promise<Answer> {
    return this.fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
  }

  /** Who is online, for a question that must be answered. */
  async presence (userId: string): Promise<UserPresence> {
    const { status, body, text } = await this.get(`/presence/${encodeURIComponent(userId)}`)
    if (status !== 200) throw new Error(`${this.name} answered ${status} about ${userId}: ${text}`)
    return body as unknown as UserPresence
  }

  /** The members of a room, all on one page. */
  async members (room: string): Promise<{ members: readonly Member[], version: number }> {
    const { status, body, text } = await this.get(`/rooms/${encodeURIComponent(room)}/presence?limit=1000`)
    if (status !== 200 || body['next'] !== null) throw new Error(`${this.name} answered ${status} about ${room}: ${text.slice(0, 1_000)}`)
    return body as unknown as { members: readonly Member[], version: number }
  }

  /** How many connections and users are in a room. */
  async occupancy (room: string): Promise<{ connections: number, members: number }> {
    const { status, body, text } = await this.get(`/rooms/${encodeURIComponent(room)}/occupancy`)
    if (status !== 200) throw new Error(`${this.name} answered ${status} about ${room}: ${text}`)
    return body as unknown as { connections: number, members: number }
  }

  /** Names of the rooms in use, all on one page. */
  async rooms (): Promise<readonly string[]> {
    const { status, body, text } = await this.get('/rooms?limit=1000')
    if (status !== 200 || body['next'] !== null) throw new Error(`${this.name} answered ${status}: ${text.slice(0, 1_000)}`)
    return body['rooms'] as readonly string[]
  }

  /** The live nodes of the cluster. */
  async nodes (): Promise<readonly NodeStatus[]> {
    const { status, body, text } = await this.get('/nodes')
    if (status !== 200) throw new Error(`${this.name} answered ${status} about the nodes: ${text.slice(0, 1_000)}`)
    return body['nodes'] as readonly NodeStatus[]
  }

  /** Everything that the history of a room holds, oldest first. */
  async history (room: string): Promise<Array<Position & { readonly data: unknown }>> {
    const held: Array<Position & { readonly data: unknown }> = []
    for (let query = ''; ;) {
      const { status, body, text } = await this.get(`/rooms/${encodeURIComponent(room)}/history?limit=1000${query}`)
      if (status !== 200) throw new Error(`${this.name} answered ${status} about ${room}: ${text.slice(0, 1_000)}`)
      const { epoch, publications, more } = body as { epoch: string, publications: Array<{ offset: number, data: unknown }>, more: boolean }
      for (const { offset, data } of publications) held.push({ epoch, offset, data })
      if (!more) return held
      query = `&epoch=${epoch}&offset=${held.at(-1)?.offset ?? 0}`
    }
  }

  async fetch (path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.url + path, { signal: AbortSignal.timeout(EXIT_MS), ...init })
    const text = await response.text()
    return { status: response.status, body: parse(text), headers: response.headers, text }
  }

  #collect (stream: Readable | null): void {
    if (stream === null) return
    createInterface({ input: stream }).on('line', line => {
      this.logs.push(line)
      const { msg, address } = parse(line)
      if (msg === 'roomcast is ready' && typeof address === 'string') this.#readiness.push(address)
    })
  }

  #error (what: string): Error {
    return new Error(`${this.name} ${what}:\n${this.logs.slice(-30).join('\n')}`)
  }
}

/** Starts a server and waits until it says that it is ready. Without REDIS_URL it is the embedded default. */
export async function startServer (t: Pick<Test, 'after'>, { env = {} }: { readonly env?: Environment } = {}): Promise<ServerProcess> {
  const server = await launchServer(t, { name: 'single', env })
  return server.ready()
}

/** Starts a server that may fail. */
export async function launchServer (t: Pick<Test, 'after'>, { name, env }: { name: string, env: Environment }): Promise<ServerProcess> {
  await access(SCRIPT).catch(() => { throw new Error('there is no built server: run "npm run build" first') })
  const server = new ServerProcess(name, env)
  const killNow = (): void => { server.signal('SIGKILL') }
  process.once('exit', killNow)
  t.after(async () => {
    process.off('exit', killNow)
    killNow()
    await server.exit()
  })
  return server
}

export function withKey (key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` }
}

function parse (text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}
