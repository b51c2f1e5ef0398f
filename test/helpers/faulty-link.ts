import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/** `up` is from the node to Redis, `down` from Redis to the node. */
export type Direction = 'up' | 'down'

/** What was said in one direction of one connection and has not arrived. */
interface Way {
  readonly direction: Direction
  readonly connection: { words: string }
  readonly to: Socket
  readonly held: Buffer[]
  hasEnded: boolean
}

/** A name of a connection stands in what it says first. */
const FIRST_WORDS = 1_000

/** A way to Redis that can go silent without a word, as a network does that drops packets, or become slow. Its faults are verbs: `drop`, `delay`, `heal`. */
export class FaultyLink {
  readonly #server: Server
  readonly #ways = new Set<Way>()
  readonly #sockets = new Set<Socket>()
  #dropped: readonly Direction[] = []
  #role = ''
  #delayMs = 0
  /** Connections that were made through it so far. */
  connections = 0

  constructor (target: number) {
    this.#server = createServer(socket => { this.#accept(socket, connect(target, '127.0.0.1')) })
  }

  get port (): number { return (this.#server.address() as AddressInfo).port }

  get redisUrl (): string { return `redis://127.0.0.1:${this.port}` }

  /** Listens, again after a close if asked to. */
  async start (port = 0): Promise<void> {
    await once(this.#server.listen(port, '127.0.0.1'), 'listening')
  }

  /** Lets nothing through in these directions, of present and new connections whose name holds a text, and no end of a connection either. */
  drop (directions: readonly Direction[], role = ''): void {
    this.#dropped = directions
    this.#role = role
  }

  /** Lets everything through so much later. */
  delay (ms: number): void {
    this.#delayMs = ms
  }

  /** Works again: what was dropped comes late, since TCP sends it again. */
  heal (): void {
    this.#dropped = []
    this.#delayMs = 0
    for (const way of this.#ways) this.#pass(way)
  }

  /** Ends every connection, and refuses new ones. */
  async close (): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  #accept (node: Socket, redis: Socket): void {
    this.connections++
    const connection = { words: '' }
    for (const [direction, from, to] of [['up', node, redis], ['down', redis, node]] as const) {
      const way: Way = { direction, connection, to, held: [], hasEnded: false }
      this.#ways.add(way)
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('data', (chunk: Buffer) => {
        if (direction === 'up' && connection.words.length < FIRST_WORDS) connection.words += chunk.toString('latin1')
        this.#later(() => { way.held.push(chunk); this.#pass(way) })
      })
      from.on('close', () => {
        this.#sockets.delete(from)
        this.#later(() => { way.hasEnded = true; this.#pass(way) })
      })
    }
  }

  #later (act: () => void): void {
    if (this.#delayMs === 0) act()
    else setTimeout(act, this.#delayMs)
  }

  #pass (way: Way): void {
    const { direction, connection, to, held } = way
    if (this.#dropped.includes(direction) && connection.words.includes(this.#role)) return
    for (const chunk of held.splice(0)) if (!to.destroyed) to.write(chunk)
    if (!way.hasEnded) return
    this.#ways.delete(way)
    to.end()
  }
}

/** Starts a link to a port of this machine, at a port of its own if asked to; it goes with the test. */
export async function startLink (t: Pick<Test, 'after'>, target: number, port?: number): Promise<FaultyLink> {
  const link = new FaultyLink(target)
  await link.start(port)
  t.after(() => link.close())
  return link
}
