import { randomBytes } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import type { Test } from 'tap'
import { Inbox } from './inbox.ts'
import { within } from './within.ts'

export interface RawSocketOptions {
  /** The whole address, such as `node.wsUrl`. */
  readonly url: string
  readonly token?: string
  readonly headers?: Record<string, string>
  /** Frames that leave in the same TCP segment as the handshake. */
  readonly together?: readonly string[]
}

export interface RawFrame {
  readonly opcode: number
  readonly payload: Buffer
}

const TEXT = 1
const CLOSED_MS = 15_000

/** A peer that speaks TCP only: it does what the test says and nothing else, and stays mute for ever otherwise: no pong, no close, no FIN. */
export class RawSocket {
  /** What the server sent as frames. */
  readonly inbox = new Inbox<RawFrame>()
  readonly socket: Socket
  readonly #closed: Promise<void>
  readonly #statuses = new Inbox<number>()
  /** What answered the handshake, without a body. */
  head = ''
  #unread: Buffer = Buffer.alloc(0)
  #isUpgraded = false

  constructor (socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => { this.#read(chunk) })
    this.#closed = new Promise(resolve => {
      const end = () => {
        for (const inbox of [this.inbox, this.#statuses]) inbox.end({ code: 1006, reason: 'the TCP connection is over' })
        resolve()
      }
      socket.on('end', end)
      socket.on('close', end)
    })
  }

  /** Resolves when the TCP connection is over, from whichever side; rejects if that takes too long. */
  get closed (): Promise<void> { return within('end of the TCP connection', CLOSED_MS, this.#closed) }

  /** The HTTP status that answered the handshake. */
  status (): Promise<number> {
    return this.#statuses.next('answer to the handshake')
  }

  /** The next text frame, parsed. */
  async nextJson (what: string): Promise<Record<string, unknown>> {
    const { opcode, payload } = await this.inbox.next(what)
    if (opcode !== TEXT) throw new Error(`wanted ${what}, got opcode ${opcode} with ${payload.toString('hex')}`)
    return JSON.parse(payload.toString()) as Record<string, unknown>
  }

  /** Sends text frames in one write. */
  send (...texts: readonly string[]): void {
    this.socket.write(Buffer.concat(texts.map(text => encodeFrame(text))))
  }

  #read (chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk])
    if (!this.#isUpgraded && !this.#readHead()) return
    for (let frame = this.#shift(); frame !== undefined; frame = this.#shift()) this.inbox.push(frame)
  }

  #readHead (): boolean {
    const end = this.#unread.indexOf('\r\n\r\n')
    if (end < 0) return false
    this.head = this.#unread.toString('latin1', 0, end)
    const status = Number(this.head.slice(9, 12))
    this.#unread = this.#unread.subarray(end + 4)
    this.#isUpgraded = status === 101
    this.#statuses.push(status)
    return this.#isUpgraded
  }

  #shift (): RawFrame | undefined {
    const taken = takeFrame(this.#unread)
    if (taken === undefined) return undefined
    this.#unread = taken.rest
    return taken.frame
  }
}

/** The first frame of what a server sent, and what follows it; undefined while it is not whole. RFC 6455 §5.2; a server does not mask. */
export function takeFrame (bytes: Buffer): { frame: RawFrame, rest: Buffer } | undefined {
  const [first = 0, second = 0] = bytes
  const extended = second === 127 ? 8 : second === 126 ? 2 : 0
  const head = 2 + extended
  if (bytes.length < head) return undefined
  const length = extended === 8 ? Number(bytes.readBigUInt64BE(2)) : extended === 2 ? bytes.readUInt16BE(2) : second
  if (bytes.length < head + length) return undefined
  return { frame: { opcode: first & 0x0f, payload: bytes.subarray(head, head + length) }, rest: bytes.subarray(head + length) }
}

/** Opens a TCP connection and sends a handshake, written by hand. `status()` tells what came of it. */
export function rawSocket (t: Pick<Test, 'after'>, { url, token, headers = {}, together = [] }: RawSocketOptions): RawSocket {
  const { hostname, port, pathname, search } = new URL(url)
  // Half-open, so that not even a FIN is answered.
  const socket = connectTcp({ host: hostname, port: Number(port), allowHalfOpen: true })
  t.after(() => { socket.destroy() })
  const handshake = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Protocol: roomcast.v1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...token === undefined ? [] : [`Authorization: Bearer ${token}`],
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n'
  ].join('\r\n')
  socket.write(Buffer.concat([Buffer.from(handshake), ...together.map(text => encodeFrame(text))]))
  return new RawSocket(socket)
}

/** One whole frame as a client sends it: masked (RFC 6455 §5.3). */
export function encodeFrame (content: string | Buffer, opcode = TEXT): Buffer {
  const payload = Buffer.from(content)
  const mask = randomBytes(4)
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0))
  return Buffer.concat([head(0x80 | opcode, payload.length), mask, masked])
}

function head (first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, 0x80 | length])
  const long = length > 0xffff
  const bytes = Buffer.alloc(long ? 10 : 4)
  bytes[0] = first
  bytes[1] = 0x80 | (long ? 127 : 126)
  if (long) bytes.writeBigUInt64BE(BigInt(length), 2)
  else bytes.writeUInt16BE(length, 2)
  return bytes
}
