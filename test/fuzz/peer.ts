import { connect, type Socket } from 'node:net'
import { takeFrame, type RawFrame } from '../helpers/raw-socket.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

const HEAD_END = '\r\n\r\n'
const EMPTY = Buffer.alloc(0)

/** The fuzzer's end of a TCP connection: it writes what it is told, and reads HTTP answers, and frames after an upgrade. */
export class Peer {
  readonly socket: Socket
  readonly answers: HttpAnswer[] = []
  /** The methods of requests that are not answered yet: an answer to HEAD has no body. */
  readonly methods: string[] = []
  readonly frames: RawFrame[] = []
  hasEnded = false
  /** What could not be read. */
  problem: string | undefined
  #isUpgraded = false
  #unread: Buffer[] = []
  #onChange: (() => void) | undefined

  constructor (url: string) {
    const { hostname, port } = new URL(url)
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true })
    this.socket.on('error', () => {}).on('data', chunk => { this.#read(chunk) }).on('end', () => { this.#end() }).on('close', () => { this.#end() })
  }

  get isUpgraded (): boolean { return this.#isUpgraded }

  /** What came and was neither an answer nor a frame. */
  get rest (): Buffer { return Buffer.concat(this.#unread) }

  /** Resolves when a condition holds or the connection is over; false if neither comes in time. */
  async until (condition: () => boolean, ms: number): Promise<boolean> {
    const isDone = (): boolean => this.hasEnded || this.problem !== undefined || condition()
    if (isDone()) return true
    return await new Promise<boolean>(resolve => {
      const settle = (outcome: boolean): void => { clearTimeout(timer); this.#onChange = undefined; resolve(outcome) }
      const timer = setTimeout(() => { settle(false) }, ms)
      this.#onChange = () => { if (isDone()) settle(true) }
    })
  }

  /** Writes, if the other end still takes it. */
  write (bytes: Buffer): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  #end (): void {
    this.hasEnded = true
    this.#onChange?.()
  }

  #read (chunk: Buffer): void {
    this.#unread.push(chunk)
    let bytes: Buffer = Buffer.concat(this.#unread)
    try {
      for (;;) {
        const left = this.#isUpgraded ? this.#takeFrame(bytes) : this.#takeAnswer(bytes)
        if (left === undefined) break
        bytes = left
      }
    } catch (error) {
      this.problem = String(error)
    }
    this.#unread = bytes.length === 0 ? [] : [bytes]
    this.#onChange?.()
  }

  #takeFrame (bytes: Buffer): Buffer | undefined {
    const taken = takeFrame(bytes)
    if (taken === undefined) return undefined
    this.frames.push(taken.frame)
    return taken.rest
  }

  #takeAnswer (bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf(HEAD_END)
    if (end < 0) return undefined
    const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
    if (Number.isNaN(status)) throw new Error(`the server answered ${JSON.stringify(statusLine.slice(0, 200))}`)
    const headers = new Map(lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
    const start = end + HEAD_END.length
    if (status === 101) this.#isUpgraded = true
    if (status < 200) return bytes.subarray(start)
    const isBodiless = status === 204 || status === 304 || this.methods[0] === 'HEAD'
    const body = isBodiless ? { text: EMPTY, rest: bytes.subarray(start) } : takeBody(bytes.subarray(start), headers)
    if (body === undefined) return undefined
    this.methods.shift()
    this.answers.push({ status, headers, body: body.text.toString() })
    return body.rest
  }
}

/** RFC 9112 §6.3: what is chunked says itself where it ends, the rest has a length; the server never ends a body by ending the connection. */
function takeBody (bytes: Buffer, headers: ReadonlyMap<string, string>): { text: Buffer, rest: Buffer } | undefined {
  if (headers.get('transfer-encoding') === 'chunked') return takeChunks(bytes)
  const length = Number(headers.get('content-length') ?? 0)
  return bytes.length < length ? undefined : { text: bytes.subarray(0, length), rest: bytes.subarray(length) }
}

function takeChunks (bytes: Buffer): { text: Buffer, rest: Buffer } | undefined {
  const chunks: Buffer[] = []
  for (let rest = bytes; ;) {
    const end = rest.indexOf('\r\n')
    if (end < 0) return undefined
    const length = Number.parseInt(rest.toString('latin1', 0, end), 16)
    const next = end + 2 + length + 2
    if (rest.length < next) return undefined
    chunks.push(rest.subarray(end + 2, end + 2 + length))
    rest = rest.subarray(next)
    if (length === 0) return { text: Buffer.concat(chunks), rest }
  }
}
