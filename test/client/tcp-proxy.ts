import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A way to a server that can be cut. Made by `startProxy`. */
export class TcpProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** From the server's end to the client's. */
  readonly #answers = new Map<Socket, Socket>()
  #target: number
  #isCut = false

  constructor (target: number) {
    this.#target = target
    this.#server = createServer(socket => { this.#accept(socket) })
  }

  get port (): number { return (this.#server.address() as AddressInfo).port }

  /** Such as `http://127.0.0.1:43211`. */
  get url (): string { return `http://127.0.0.1:${this.port}` }
  get wsUrl (): string { return `ws://127.0.0.1:${this.port}/ws` }
  get redisUrl (): string { return `redis://127.0.0.1:${this.port}` }

  async start (): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
  }

  /** Resets every connection, and every new one, until it is healed. */
  cut (): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Keeps the server's words on the present connections to itself; what clients say comes through. */
  hush (): void {
    for (const [upstream, socket] of this.#answers) upstream.unpipe(socket).resume()
  }

  /** Lets new connections through again, where given to another port. */
  heal (target = this.#target): void {
    this.#target = target
    this.#isCut = false
  }

  async close (): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept (socket: Socket): void {
    if (this.#isCut) {
      socket.on('error', () => {}).resetAndDestroy()
      return
    }
    const upstream = connect(this.#target, '127.0.0.1')
    this.#answers.set(upstream, socket)
    upstream.on('close', () => { this.#answers.delete(upstream) })
    for (const [end, other] of [[socket, upstream], [upstream, socket]] as const) {
      this.#sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => { this.#sockets.delete(end); other.destroy() })
      end.pipe(other)
    }
  }
}

/** Starts a proxy to a port of this machine; it goes with the test. */
export async function startProxy (t: Pick<Test, 'after'>, url: string): Promise<TcpProxy> {
  const proxy = new TcpProxy(portOf(url))
  await proxy.start()
  t.after(() => proxy.close())
  return proxy
}

export function portOf (url: string): number {
  return Number(new URL(url).port)
}
