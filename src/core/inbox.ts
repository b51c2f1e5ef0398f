import type { Transport } from './transport.ts'

/** A frame as it came from the transport. */
export interface IncomingFrame {
  readonly bytes: Uint8Array
  readonly format: 'text' | 'binary'
}

type Task = () => Promise<void>

export interface InboxParts {
  readonly transport: Pick<Transport, 'pause' | 'resume'>
  readonly handle: (frame: IncomingFrame) => Promise<void>
  readonly fail: (error: unknown) => void
}

/** With more frames than this waiting, the transport stops reading: the sender waits, and the memory is bounded. */
export const MAX_WAITING = 64

/** So it does with more bytes than this waiting, however few the frames. */
export const MAX_WAITING_BYTES = 262_144

/** The line in which the frames of one connection, and tasks of the node about it, wait for each other. Nothing is dropped. */
export class Inbox {
  readonly #parts: InboxParts
  #waiting: Array<IncomingFrame | Task> = []
  #waitingBytes = 0
  #isBusy = false
  #isPaused = false
  #idleListeners: Array<() => void> = []

  constructor (parts: InboxParts) {
    this.#parts = parts
  }

  /** Adds to the end of the line. */
  push (item: IncomingFrame | Task): void {
    this.#waiting.push(item)
    this.#waitingBytes += bytesOf(item)
    if (!this.#isPaused && (this.#waiting.length > MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES)) {
      this.#isPaused = true
      this.#parts.transport.pause()
    }
    if (!this.#isBusy) this.#work().catch(this.#parts.fail)
  }

  /** Forgets what waits; what is under way ends by itself. Reading goes on, so that the peer's answer to a close is seen. */
  clear (): void {
    this.#waiting = []
    this.#waitingBytes = 0
    this.#resume()
  }

  /** Resolves when the line is empty and nothing is under way. */
  idle (): Promise<void> {
    return this.#isBusy ? new Promise(resolve => { this.#idleListeners.push(resolve) }) : Promise.resolve()
  }

  async #work (): Promise<void> {
    this.#isBusy = true
    try {
      for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) {
        this.#waitingBytes -= bytesOf(item)
        await (typeof item === 'function' ? item() : this.#parts.handle(item))
        this.#resume()
      }
    } finally {
      this.#isBusy = false
      for (const resolve of this.#idleListeners.splice(0)) resolve()
    }
  }

  #resume (): void {
    if (!this.#isPaused || this.#waiting.length > MAX_WAITING / 2 || this.#waitingBytes > MAX_WAITING_BYTES / 2) return
    this.#isPaused = false
    this.#parts.transport.resume()
  }
}

function bytesOf (item: IncomingFrame | Task): number {
  return typeof item === 'function' ? 0 : item.bytes.byteLength
}
