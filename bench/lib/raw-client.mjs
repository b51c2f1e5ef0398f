import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

const MASK = Buffer.alloc(4)

/** A text frame from a client; the mask is zero, which RFC 6455 allows and costs nothing. */
export function textFrame (text) {
  const payload = Buffer.from(text)
  const head = payload.length < 126
    ? Buffer.from([0x81, 0x80 | payload.length])
    : Buffer.from([0x81, 0xFE, payload.length >> 8, payload.length & 0xFF])
  return Buffer.concat([head, MASK, payload])
}

/**
 * A WebSocket client that only counts: the payload of what it receives is looked at when `onText` is given, else skipped. Costs less than any
 * server that it measures.
 */
export class RawClient {
  #tally
  #socket
  #left = Buffer.alloc(0)
  #skip = 0
  #onText
  #minBytes

  /**
   * @param options `minBytes` is the length of a publication: data frames whose payload is as long, or longer, are counted in `tally.received`
   */
  constructor ({ port, path, headers = {}, minBytes, tally, onText }) {
    this.#tally = tally
    this.#onText = onText
    this.#minBytes = minBytes
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    const lines = Object.entries({
      Host: '127.0.0.1', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': randomBytes(16).toString('base64'), ...headers
    })
    this.opened = new Promise((resolve, reject) => {
      this.#socket.once('connect', () => { this.#socket.write(`GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`) })
      this.#socket.on('error', reject)
      this.#socket.on('close', () => { reject(new Error('closed')) })
      let head = Buffer.alloc(0)
      const onHead = chunk => {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        if (!head.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) {
          reject(new Error(head.toString('latin1', 0, 300)))
          return
        }
        this.#socket.off('data', onHead)
        this.#socket.on('data', bytes => { this.#take(bytes) })
        resolve()
        this.#take(head.subarray(end + 4))
      }
      this.#socket.on('data', onHead)
    })
    this.opened.catch(() => {})
  }

  send (text) {
    this.#socket.write(textFrame(text))
  }

  destroy () {
    this.#socket.destroy()
  }

  /** Stops reading, for good. */
  pause () {
    this.#socket.pause()
  }

  /** Sets who reads what comes; without one it is only counted. */
  read (listener) {
    this.#onText = listener
  }

  #take (bytes) {
    let at = 0
    if (this.#skip > 0) {
      if (bytes.length < this.#skip) {
        this.#skip -= bytes.length
        return
      }
      at = this.#skip
      this.#skip = 0
    }
    if (this.#left.length > 0) {
      bytes = Buffer.concat([this.#left, bytes.subarray(at)])
      at = 0
      this.#left = Buffer.alloc(0)
    }
    for (;;) {
      const rest = bytes.length - at
      const short = rest < 2 ? 0 : bytes[at + 1] & 0x7F
      const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2
      if (rest < headBytes) break
      const length = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short
      const opcode = bytes[at] & 0x0F
      const isRead = this.#onText !== undefined || opcode === 9
      if (isRead && rest < headBytes + length) break
      if (opcode <= 2 && length >= this.#minBytes) this.#tally.received++
      if (isRead) this.#read(opcode, bytes.subarray(at + headBytes, at + headBytes + length))
      at += headBytes + length
      if (at >= bytes.length) {
        this.#skip = at - bytes.length
        return
      }
    }
    this.#left = bytes.subarray(at)
  }

  #read (opcode, payload) {
    if (opcode === 9) this.#socket.write(Buffer.concat([Buffer.from([0x8A, 0x80 | payload.length]), MASK, payload]))
    else if (opcode === 1) this.#onText?.(payload.toString())
  }
}
