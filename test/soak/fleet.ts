import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { Cluster } from '../helpers/cluster.ts'
import { startRedis, type RedisServer } from '../helpers/redis-server.ts'
import type { Answer, Environment, ServerProcess } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import type { DeliveryBook } from './delivery-book.ts'
import type { Findings } from './findings.ts'
import { Inspector } from './inspector.ts'
import type { Fault } from './plan.ts'

export interface FleetOptions {
  readonly nodes: number
  readonly env: Environment
}

/** A node is ready one heartbeat after Redis is; the rest is for a busy machine. */
const READY_MS = 45_000
const START_ATTEMPTS = 4
/** A Node process logs as JSON; an error is 50, the end 60. What is no JSON is a warning of Node's own, or the inspector's word. */
const BAD_LINE = /^(?!\{|Debugger |For help, see: https:\/\/nodejs\.org\/)|"level":[56]0/

/** The nodes and their Redis, with the faults as verbs. Each node has a slot, in which another takes its place when it ends. */
export class Fleet {
  readonly redis: RedisServer
  readonly cluster: Cluster
  /** Of each slot the node; undefined while it has none. */
  readonly slots: Array<ServerProcess | undefined> = []
  /** Of each slot the largest heap that was seen, in bytes. */
  readonly heapPeaks: number[] = []
  readonly #inspectors = new Map<ServerProcess, Inspector>()
  #turn = 0

  private constructor (cluster: Cluster) {
    this.cluster = cluster
    this.redis = cluster.redis
  }

  static async open (t: Pick<Test, 'after'>, { nodes, env }: FleetOptions): Promise<Fleet> {
    // What happens inside a node is asked of it from outside.
    const inspected = { NODE_OPTIONS: '--inspect=127.0.0.1:0', ...env }
    const fleet = new Fleet(new Cluster(t, await startRedis(t, { isDurable: true }), inspected))
    for (let slot = 0; slot < nodes; slot++) await fleet.#start(slot)
    t.after(() => { for (const inspector of fleet.#inspectors.values()) inspector.close() })
    return fleet
  }

  get nodes (): ServerProcess[] { return this.slots.filter(node => node !== undefined) }

  /** One of the nodes, in turn; a node that is stopped is still one. */
  next (): ServerProcess {
    const { nodes } = this
    const node = nodes[this.#turn++ % nodes.length]
    if (node === undefined) throw new Error('there is no node')
    return node
  }

  /** Looks into the node of a slot. */
  inspector (slot: number): { readonly node: ServerProcess, readonly inspector: Inspector } {
    const node = this.slots[slot]
    const inspector = node && this.#inspectors.get(node)
    if (node === undefined || inspector === undefined) throw new Error(`slot ${slot} has no node`)
    return { node, inspector }
  }

  /** Notes how large the heaps are now. A node that is stopped or killed meanwhile has no say. */
  sampleHeaps (): void {
    for (const [slot, node] of this.slots.entries()) {
      if (node === undefined) continue
      this.#inspectors.get(node)?.heapNow().then(bytes => { this.heapPeaks[slot] = Math.max(this.heapPeaks[slot] ?? 0, bytes) }, () => {})
    }
  }

  /** Breaks something, mends it, and waits until every node is ready again. */
  async suffer (fault: Fault, { slot, forMs, book }: { readonly slot: number, readonly forMs: number, readonly book: DeliveryBook }): Promise<void> {
    await this.#acts[fault](slot, () => delay(forMs), book)
    for (const node of this.nodes) {
      await until(`${node.name} is ready after ${fault}`, 200, () => node.get('/ready').then(({ status }) => status, String), READY_MS)
    }
  }

  /** What nodes did that none may do: complain of a bug, or end unasked. */
  look (findings: Findings): void {
    for (const node of this.nodes) {
      for (const line of node.logs.splice(0).filter(line => BAD_LINE.test(line))) findings.note(`${node.name} logged ${line.slice(0, 2_000)}`)
      if (!node.isRunning) findings.note(`${node.name} has ended`)
    }
  }

  /** Asks any node, until one answers for certain. */
  async ask (path: string, body?: object): Promise<Answer['body']> {
    const told: { body: Answer['body'] } = { body: {} }
    await until(`an answer to ${path}`, 200, async () => {
      const node = this.next()
      const answer = await (body === undefined ? node.get(path) : node.post(path, JSON.stringify(body))).catch(() => undefined)
      told.body = answer?.body ?? {}
      return answer?.status ?? 0
    }, READY_MS)
    return told.body
  }

  readonly #acts: Readonly<Record<Fault, (slot: number, wait: () => Promise<void>, book: DeliveryBook) => Promise<unknown>>> = {
    'a node killed': async (slot, wait) => {
      await this.#end(slot, node => this.cluster.kill(node))
      await wait()
      await patiently(() => this.#start(slot))
    },
    'a node ended': async (slot, wait, { findings }) => {
      const exit = await this.#end(slot, node => this.cluster.terminate(node))
      if (exit?.code !== 0) findings.note(`a node that was asked to end did so with ${exit?.code ?? exit?.signal}`)
      await wait()
      await patiently(() => this.#start(slot))
    },
    'a node stopped': async (slot, wait) => {
      const node = this.slots[slot]
      if (node === undefined) return
      this.cluster.pause(node)
      await wait()
      this.cluster.resume(node)
    },
    'Redis stopped': async (_slot, wait) => {
      this.redis.pause()
      await wait()
      this.redis.resume()
    },
    'Redis restarted': async (_slot, wait) => {
      await this.redis.kill()
      await wait()
      await patiently(() => this.redis.restart({ from: 'log' }))
    },
    'Redis emptied': async (_slot, wait, book) => {
      book.losing()
      await this.redis.kill()
      await wait()
      await patiently(() => this.redis.restart({ empty: true }))
      book.hasLost()
    },
    'subscriber links cut': () => this.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
    'publisher links cut': () => this.redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
    'scripts flushed': () => this.redis.command('SCRIPT', 'FLUSH')
  }

  async #start (slot: number): Promise<void> {
    const node = await this.cluster.start()
    const url = /Debugger listening on (ws:\S+)/.exec(node.logs.join('\n'))?.[1]
    if (url === undefined) throw new Error(`${node.name} has no inspector`)
    this.#inspectors.set(node, await Inspector.open(url))
    this.slots[slot] = node
  }

  async #end<T> (slot: number, end: (node: ServerProcess) => Promise<T>): Promise<T | undefined> {
    const node = this.slots[slot]
    this.slots[slot] = undefined
    if (node === undefined) return undefined
    this.#inspectors.get(node)?.close()
    this.#inspectors.delete(node)
    return end(node)
  }
}

/** Starts a process. On a machine that has too much to do, that may take longer than the helpers allow; without the process the rest of a run means nothing. */
async function patiently (start: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error
    }
  }
}
