import { once } from 'node:events'
import { WebSocket } from 'ws'
import { within } from '../helpers/within.ts'

interface Reply {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly chunk?: string }
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

const REPLY_MS = 60_000

/** Looks into a Node process over its inspector, by the Chrome DevTools protocol: the process itself knows nothing of it. */
export class Inspector {
  readonly #socket: WebSocket
  readonly #pending = new Map<number, (reply: Reply) => void>()
  #chunks: string[] = []
  #lastId = 0

  private constructor (socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (text: Buffer) => {
      const reply = JSON.parse(text.toString()) as Reply
      if (reply.method === 'HeapProfiler.addHeapSnapshotChunk') this.#chunks.push(reply.params?.chunk ?? '')
      if (reply.id !== undefined) this.#pending.get(reply.id)?.(reply)
    })
  }

  /** Looks into the process behind an address such as `ws://127.0.0.1:9229/…`, which it has printed. */
  static async open (url: string): Promise<Inspector> {
    const socket = new WebSocket(url, { maxPayload: 0, perMessageDeflate: false })
    await within('inspector', REPLY_MS, once(socket, 'open'))
    return new Inspector(socket)
  }

  /** What is in use after everything that nobody holds is collected, in bytes. */
  async heapUsed (): Promise<number> {
    // What a finalizer lets go of is collected by the next pass.
    for (let pass = 0; pass < 3; pass++) await this.#call('HeapProfiler.collectGarbage')
    return this.heapNow()
  }

  /** What is in use now, collected or not, in bytes. */
  async heapNow (): Promise<number> {
    return (await this.#call('Runtime.getHeapUsage'))['usedSize'] as number
  }

  /** The value of an expression in the process, as JSON. */
  async evaluate<T> (expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#call('Runtime.evaluate', { expression, returnByValue: true }) as { result: { value: T }, exceptionDetails?: { text: string } }
    if (exceptionDetails !== undefined) throw new Error(`${expression} threw ${JSON.stringify(exceptionDetails)}`)
    return result.value
  }

  /** How many objects of each class are alive. */
  async objects (): Promise<Map<string, number>> {
    this.#chunks = []
    await this.#call('HeapProfiler.takeHeapSnapshot', { reportProgress: false })
    const { snapshot, nodes, strings } = JSON.parse(this.#chunks.splice(0).join('')) as {
      snapshot: { meta: { node_fields: string[], node_types: [string[]] } }, nodes: number[], strings: string[]
    }
    const { node_fields: fields, node_types: [types] } = snapshot.meta
    const [type, name] = [fields.indexOf('type'), fields.indexOf('name')]
    const counts = new Map<string, number>()
    for (let at = 0; at < nodes.length; at += fields.length) {
      if (types[nodes[at + type] ?? 0] !== 'object') continue
      const className = strings[nodes[at + name] ?? 0] ?? ''
      counts.set(className, (counts.get(className) ?? 0) + 1)
    }
    return counts
  }

  close (): void {
    this.#socket.terminate()
  }

  async #call (method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId
    const answer = new Promise<Reply>(resolve => { this.#pending.set(id, resolve) })
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { result = {}, error } = await within(`answer to ${method}`, REPLY_MS, answer).finally(() => { this.#pending.delete(id) })
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }
}
