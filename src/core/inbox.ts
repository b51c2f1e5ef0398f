import type { Transport } from './transport.ts'

/** A frame as it came from the transport. */
export interface IncomingFrame {
  readonly bytes: Uint8Array
  readonly format: 'text' | 'binary'
}

type Task = () => Promise<void>

/** Whose line it is. */
export interface InboxOwner {
  readonly transport: Pick<Transport, 'pause' | 'resume'>
}

/** What becomes of the frames of an owner, the same for all owners. */
export interface InboxHandlers<Owner> {
  readonly handle: (owner: Owner, frame: IncomingFrame) => Promise<void>
  readonly fail: (owner: Owner, error: unknown) => void
}

/** With more frames than this waiting, the transport stops reading: the sender waits, and the memory is bounded. */
export const MAX_WAITING = 64

/** So it does with more bytes than this waiting, however few the frames. */
export const MAX_WAITING_BYTES = 262_144

/**
 * The line in which the frames of one connection, and tasks of the node about it, wait for each other. Nothing is dropped. Most lines are empty
 * most of the time, and there are very many: an empty one holds no list.
 */
export class Inbox<Owner extends InboxOwner> {
  readonly #owner: Owner
  readonly #handlers: InboxHandlers<Owner>
  #waiting: Array<IncomingFrame | Task> | undefined
  #waitingBytes = 0
  #isBusy = false
  #isPaused = false
  #idleListeners: Array<() => void> | undefined

  constructor (owner: Owner, handlers: InboxHandlers<Owner>) {
    this.#owner = owner
    this.#handlers = handlers
  }

  /** Adds to the end of the line. */
  push (item: IncomingFrame | Task): void {
    this.#waiting ??= []
    this.#waiting.push(item)
    this.#waitingBytes += bytesOf(item)
    if (!this.#isPaused && (this.#waiting.length > MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES)) {
      this.#isPaused = true
      this.#owner.transport.pause()
    }
    if (!this.#isBusy) this.#work().catch((error: unknown) => { this.#handlers.fail(this.#owner, error) })
  }

  /** Forgets what waits; what is under way ends by itself. Reading goes on, so that the peer's answer to a close is seen. */
  clear (): void {
    this.#waiting = undefined
    this.#waitingBytes = 0
    this.#resume()
  }

  /** Resolves when the line is empty and nothing is under way. */
  idle (): Promise<void> {
    return this.#isBusy ? new Promise(resolve => { (this.#idleListeners ??= []).push(resolve) }) : Promise.resolve()
  }

  async #work (): Promise<void> {
    this.#isBusy = true
    try {
      for (let item = this.#waiting?.shift(); item !== undefined; item = this.#waiting?.shift()) {
        this.#waitingBytes -= bytesOf(item)
        await (typeof item === 'function' ? item() : this.#handlers.handle(this.#owner, item))
        this.#resume()
      }
    } finally {
      this.#isBusy = false
      if (this.#waiting?.length === 0) this.#waiting = undefined
      const idleListeners = this.#idleListeners
      this.#idleListeners = undefined
      for (const resolve of idleListeners ?? []) resolve()
    }
  }

  #resume (): void {
    if (!this.#isPaused || (this.#waiting?.length ?? 0) > MAX_WAITING / 2 || this.#waitingBytes > MAX_WAITING_BYTES / 2) return
    this.#isPaused = false
    this.#owner.transport.resume()
  }
}

function bytesOf (item: IncomingFrame | Task): number {
  return typeof item === 'function' ? 0 : item.bytes.byteLength
}
