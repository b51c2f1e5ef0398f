import type { Socket } from 'node:net'
import { Sender, WebSocket } from 'ws'
import type { Transport } from '../core/transport.ts'

declare module 'ws' {
  /** Public in ws, absent from its types. */
  export const Sender: {
    frame: (data: Buffer, options: { fin: boolean, opcode: number, mask: boolean, rsv1: boolean, readOnly: boolean }) => Buffer[]
  }
}

// RFC 6455 §5.2: a whole text message, from the server, so unmasked.
const TEXT_FRAME = { fin: true, opcode: 0x1, mask: false, rsv1: false, readOnly: true }

const NOTHING = Buffer.alloc(0)

/** Frames a text message once, so that the same bytes go to every socket. */
export function frameText (payload: Buffer): Buffer {
  return Buffer.concat(Sender.frame(payload, TEXT_FRAME))
}

/**
 * A WebSocket of the ws library. Frames of ours are written to the socket below it: ws writes each of its own frames whole and at
 * once, so the two never mix, as long as no extension transforms the payload.
 */
export class WebSocketTransport implements Transport {
  readonly name = 'websocket'
  readonly #webSocket: WebSocket
  readonly #socket: Socket

  constructor (webSocket: WebSocket, socket: Socket) {
    this.#webSocket = webSocket
    this.#socket = socket
  }

  get isOpen (): boolean { return this.#webSocket.readyState === WebSocket.OPEN }
  get bufferedBytes (): number { return this.#socket.writableLength }

  write (frames: Uint8Array): void {
    if (this.isOpen) this.#socket.write(frames)
  }

  /** The event `drain` would not do: it waits for an end of all writes, also later ones, and comes only after a full buffer. */
  whenDrained (listener: () => void): void {
    if (this.isOpen) this.#socket.write(NOTHING, listener)
  }

  ping (): void {
    if (this.isOpen) this.#webSocket.ping()
  }

  /** ws cuts the connection itself when the peer does not answer within its `closeTimeout`. */
  close (code: number, reason: string): void {
    this.#webSocket.close(code, reason)
  }

  terminate (): void { this.#webSocket.terminate() }
  pause (): void { this.#webSocket.pause() }
  resume (): void { this.#webSocket.resume() }
}
