import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { freePort } from '../helpers/free-port.ts'
import { until } from '../helpers/until.ts'

/** The time-out of an idle connection in the configurations that are shipped. */
const SHIPPED_TIMEOUT = '75s'

const START_MS = 10_000

/** What one proxy is: where its configuration is shipped, and how it is checked, run and told to read it again. */
export interface ProxyKind {
  readonly name: 'nginx' | 'haproxy'
  readonly title: string
  readonly file: string
  /** How it is told where to listen, with `80` for the port. */
  readonly listen: string
  readonly check: (place: Place) => string[]
  readonly run: (place: Place) => string[]
  readonly reloadSignal: NodeJS.Signals
  /** What must be said where not all of the machine is its own. */
  readonly settle: (configuration: string, place: Place) => string
}

/** Where a proxy of a test keeps what it writes, and reads what it is told. */
interface Place {
  readonly directory: string
  readonly file: string
}

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
const nginxArguments = ({ directory, file }: Place): string[] => ['-p', directory, '-e', join(directory, 'error.log'), '-c', file]
const nginxGlobals = ({ directory }: Place): string => `daemon off; pid ${join(directory, 'nginx.pid')};`

export const nginx: ProxyKind = {
  name: 'nginx',
  title: 'nginx',
  file: 'deploy/nginx.conf',
  listen: 'listen 80;',
  check: place => [...nginxArguments(place), '-g', nginxGlobals(place), '-t'],
  run: place => [...nginxArguments(place), '-g', nginxGlobals(place)],
  reloadSignal: 'SIGHUP',
  settle: (configuration, { directory }) => configuration
    .replace('/dev/stdout', join(directory, 'access.log'))
    .replace('http {', `http {\n${temporary.map(name => `  ${name}_temp_path ${join(directory, name)};`).join('\n')}`)
}

export const haproxy: ProxyKind = {
  name: 'haproxy',
  title: 'HAProxy',
  file: 'deploy/haproxy.cfg',
  listen: 'bind :80',
  check: ({ file }) => ['-c', '-f', file],
  run: ({ file }) => ['-W', '-f', file],
  reloadSignal: 'SIGUSR2',
  settle: configuration => configuration
}

const ROOT = new URL('../../', import.meta.url)
const FINDER = fileURLToPath(new URL('tools/ensure-binaries.mjs', ROOT))

/** A test that needs a proxy. Skipped, saying why, where there is none; in CI that is no excuse. */
export function proxyTest (t: Test, kind: ProxyKind, title: string, run: (t: Test, binary: string) => Promise<void>): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [FINDER, '--find', kind.name], { encoding: 'utf8' })
  const skip = status !== 0 && !process.env['CI'] && `there is no ${kind.title} here; "npm test" says how to get one`
  t.test(title, { skip }, async test => {
    if (status !== 0) throw new Error(`there is no ${kind.title} here: "node tools/ensure-binaries.mjs" says how to get one. ${stderr}`)
    await run(test, stdout.trim())
  })
}

export interface ProxyOptions {
  readonly kind: ProxyKind
  readonly binary: string
  /** Ports of the three nodes, on loopback. */
  readonly nodes: readonly number[]
  /** What the time-out of an idle connection is instead of the one that is shipped, in whole seconds. */
  readonly timeoutSeconds?: number
}

/** A real proxy that runs the configuration that is shipped, with other addresses and a shorter time-out. Made by `startProxy`. */
export class ProxyServer {
  readonly #options: ProxyOptions
  readonly #place: Place
  readonly #ports: number[]
  readonly #child: ChildProcess
  #output = ''

  constructor (options: ProxyOptions, place: Place, port: number) {
    this.#options = options
    this.#place = place
    this.#ports = [port]
    this.#child = spawn(options.binary, options.kind.run(place), { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk: Buffer) => { this.#output += chunk.toString() })
  }

  get url (): string { return `http://127.0.0.1:${this.#ports[0]}` }
  get wsUrl (): string { return `ws://127.0.0.1:${this.#ports[0]}/ws` }

  /** Resolves when requests through it are answered by a node. */
  ready (): Promise<void> {
    return this.#answersOn(this.#ports[0] ?? 0)
  }

  /** Changes the configuration, and lets it be read again; resolves when the new one is in force. */
  async reload (): Promise<void> {
    const port = await freePort()
    this.#ports.push(port)
    await writeConfiguration(this.#options, this.#place, this.#ports)
    this.#child.kill(this.#options.kind.reloadSignal)
    await this.#answersOn(port)
  }

  /** Everything that it has written, its access log included. */
  async log (): Promise<string> {
    const read = (name: string): Promise<string> => readFile(join(this.#place.directory, name), 'utf8').catch(() => '')
    return this.#output + await read('access.log') + await read('error.log')
  }

  /** Ends it, with all its workers. */
  async end (): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exit
  }

  async #answersOn (port: number): Promise<void> {
    const ask = async (): Promise<number | undefined> => {
      const answer = await fetch(`http://127.0.0.1:${port}/live`).catch(() => undefined)
      await answer?.arrayBuffer()
      return answer?.status
    }
    await until(`answer through ${this.#options.kind.title}`, 200, ask, START_MS).catch(async cause => { throw new Error(await this.log(), { cause }) })
  }
}

/** Starts a proxy in front of nodes that run; it goes with the test. */
export async function startProxy (t: Pick<Test, 'after'>, options: ProxyOptions): Promise<ProxyServer> {
  const directory = await mkdtemp(join(tmpdir(), 'roomcast-proxy-'))
  const place = { directory, file: join(directory, options.kind.name) }
  const port = await freePort()
  await writeConfiguration(options, place, [port])
  const proxy = new ProxyServer(options, place, port)
  const endNow = (): void => { proxy.end().catch(() => {}) }
  process.once('exit', endNow)
  t.after(async () => {
    process.off('exit', endNow)
    await proxy.end()
    await rm(directory, { recursive: true, force: true })
  })
  await proxy.ready()
  return proxy
}

/** What a proxy says of the configuration that is shipped, and how its check ends. */
export async function checkConfiguration (t: Pick<Test, 'after'>, options: ProxyOptions): Promise<{ code: number | null, output: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'roomcast-proxy-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const place = { directory, file: join(directory, options.kind.name) }
  await writeConfiguration(options, place, [await freePort()])
  const { status, stdout, stderr } = spawnSync(options.binary, options.kind.check(place), { encoding: 'utf8' })
  return { code: status, output: stdout + stderr }
}

async function writeConfiguration ({ kind, nodes, timeoutSeconds }: ProxyOptions, place: Place, ports: readonly number[]): Promise<void> {
  const shipped = readFileSync(new URL(kind.file, ROOT), 'utf8')
  for (const text of [kind.listen, SHIPPED_TIMEOUT]) if (!shipped.includes(text)) throw new Error(`${kind.file} does not say "${text}" any more`)
  const configuration = shipped
    .replace(kind.listen, ports.map(port => kind.listen.replace(/:?80/, `127.0.0.1:${port}`)).join('\n'))
    .replaceAll(SHIPPED_TIMEOUT, timeoutSeconds === undefined ? SHIPPED_TIMEOUT : `${timeoutSeconds}s`)
    .replaceAll(/\bnode-(\d):3000\b/g, (_name, number: string) => `127.0.0.1:${nodes[Number(number) - 1]}`)
  await writeFile(place.file, kind.settle(configuration, place))
}
