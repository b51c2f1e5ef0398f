import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

export interface ProgramOptions {
  /** Such as `server` or `cli/roomcast`. */
  readonly script: string
  readonly folder: string
  readonly args?: readonly string[]
  /** The whole environment, beside PATH. */
  readonly env?: Record<string, string>
  /** What it reads from stdin, which is empty otherwise. */
  readonly input?: string
}

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const WAIT_MS = 20_000

/** One of the built programs, run as a person would: in a folder, with an environment, known by what it prints. Made by `run`. */
export class Program {
  readonly #child: ChildProcess
  readonly #ended: Promise<Ending>
  readonly #onChange = new Set<() => void>()
  readonly #written = { stdout: '', stderr: '' }
  #ending: Ending | undefined

  constructor (script: string, { folder, args = [], env = {}, input = '' }: ProgramOptions) {
    const { PATH = '' } = process.env
    const child = spawn(process.execPath, [script, ...args], { cwd: folder, env: { PATH, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child = child
    child.stdin.end(input)
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        this.#written[name] += text
        this.#changed()
      })
    }
    this.#ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        this.#ending = { code, signal, ...this.#written }
        resolve(this.#ending)
        this.#changed()
      })
    })
  }

  get stdout (): string { return this.#written.stdout }
  get stderr (): string { return this.#written.stderr }

  /** All that it wrote, to either stream. */
  get output (): string { return this.#written.stdout + this.#written.stderr }

  /** Resolves with what the pattern's first group caught, once stdout holds it; rejects with the output if the program ends before, or is late. */
  prints (what: string, pattern: RegExp): Promise<string> {
    return this.#writes(what, pattern, 'stdout')
  }

  /** The same of stderr. */
  complains (what: string, pattern: RegExp): Promise<string> {
    return this.#writes(what, pattern, 'stderr')
  }

  #writes (what: string, pattern: RegExp, stream: 'stdout' | 'stderr'): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => { clearTimeout(timer); this.#onChange.delete(look); act() }
      const timer = setTimeout(() => settle(() => reject(this.#error(`did not print ${what} in ${WAIT_MS} ms`))), WAIT_MS)
      const look = () => {
        const match = pattern.exec(this.#written[stream])
        if (match !== null) settle(() => resolve(match[1] ?? match[0]))
        else if (this.#ending !== undefined) settle(() => reject(this.#error(`ended without printing ${what}`)))
      }
      this.#onChange.add(look)
      look()
    })
  }

  /** The address of a server, when it says that it is ready. */
  ready (): Promise<string> {
    return this.prints('word that it is ready', /"address":"(http[^"]+)".*"msg":"roomcast is ready"/)
  }

  signal (signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves when it is gone and everything it wrote was read; rejects, after killing it, if it takes too long. */
  async exit (): Promise<Ending> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => { this.signal('SIGKILL'); reject(this.#error(`still ran after ${WAIT_MS} ms`)) }, WAIT_MS)
    })
    return Promise.race([this.#ended, late]).finally(() => { clearTimeout(timer) })
  }

  /** Ends it as an operator would. */
  async stop (signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    this.signal(signal)
    return this.exit()
  }

  #changed (): void {
    for (const look of [...this.#onChange]) look()
  }

  #error (what: string): Error {
    return new Error(`the program ${what}:\n${this.output}`)
  }
}

/** Starts a built program, which is killed after the test if it still runs. */
export function run (t: Pick<Test, 'after'>, options: ProgramOptions): Program {
  const script = fileURLToPath(new URL(`../../dist/src/${options.script}.js`, import.meta.url))
  try {
    accessSync(script)
  } catch (cause) {
    throw new Error('nothing is built: run "npm run build" first', { cause })
  }
  const program = new Program(script, options)
  t.after(async () => {
    program.signal('SIGKILL')
    await program.exit()
  })
  return program
}

/** Runs `roomcast` with a command and its options. */
export function roomcast (t: Pick<Test, 'after'>, folder: string, args: readonly string[], more: Pick<ProgramOptions, 'env' | 'input'> = {}): Program {
  return run(t, { script: 'cli/roomcast', folder, args, ...more })
}

/** Starts a server on a free port of the loopback, with nothing else set. */
export function runServer (t: Pick<Test, 'after'>, folder: string, env: Record<string, string> = {}): Program {
  return run(t, { script: 'server', folder, env: { PORT: '0', ...env } })
}

/** Where a server at an address takes WebSockets. */
export function socketUrl (address: string): string {
  return `${address.replace('http', 'ws')}/ws`
}

export function publish (address: string, key: string, body: string): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return fetch(`${address}/publish`, { method: 'POST', headers, body })
}
