import type { MessageFrame, ResumeFrame, ServerFrame } from '../src/core/frames.ts'
import type { WebSocketLike } from './web-platform.ts'

export type WelcomeFrame = Extract<ServerFrame, { type: 'welcome' }>
export type Frame = ServerFrame | MessageFrame

/** How a connection ended: never opened, so that nobody knows why, or with a close code. */
export type End = { readonly was: 'refused' } | { readonly was: 'open', readonly closeCode: number }

export interface SessionParts {
  readonly socket: WebSocketLike
  readonly connectTimeoutMs: number
  readonly pongTimeoutMs: number
  /** The first frame, asked for when the socket is open. */
  readonly resume: () => ResumeFrame
  readonly onWelcome: (welcome: WelcomeFrame) => void
  /** Any frame but `welcome` and `pong`. */
  readonly onFrame: (frame: Frame) => void
  /** Called once, unless `close` was. */
  readonly onEnd: (end: End) => void
}

const ABNORMAL = 1006
const PING = JSON.stringify({ type: 'ping' })

/** One WebSocket, from its start to its end: the resume, the welcome, and whether the server is still there. */
export class Session {
  readonly #parts: SessionParts
  #stage: 'connecting' | 'open' | 'welcomed' | 'over' = 'connecting'
  #heardAt = 0
  #timer: ReturnType<typeof setTimeout>

  constructor (parts: SessionParts) {
    this.#parts = parts
    const { socket, connectTimeoutMs } = parts
    this.#timer = setTimeout(() => { this.#end(ABNORMAL) }, connectTimeoutMs)
    socket.onopen = () => {
      this.#stage = 'open'
      socket.send(JSON.stringify(parts.resume()))
    }
    socket.onmessage = ({ data }: { readonly data: unknown }) => { this.#take(data) }
    socket.onclose = ({ code }: { readonly code: number }) => { this.#end(code) }
    // `close` follows, and tells more.
    socket.onerror = () => {}
  }

  get isWelcomed (): boolean { return this.#stage === 'welcomed' }

  /** Sends a frame; false before the welcome and after the end. */
  send (text: string): boolean {
    if (this.#stage !== 'welcomed') return false
    this.#parts.socket.send(text)
    return true
  }

  /** Ends it from this side. */
  close (): void {
    if (this.#stage === 'over') return
    this.#release()
    this.#parts.socket.close(1000)
  }

  #take (data: unknown): void {
    this.#heardAt = performance.now()
    let frame: Frame
    try {
      frame = JSON.parse(data as string) as Frame
    } catch {
      this.#end(ABNORMAL)
      return
    }
    if (frame.type === 'welcome') {
      this.#stage = 'welcomed'
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => { this.#checkLife(frame.pingIntervalMs) }, frame.pingIntervalMs)
      this.#parts.onWelcome(frame)
    } else if (frame.type !== 'pong') {
      this.#parts.onFrame(frame)
    }
  }

  // docs/protocol.md#keeping-alive
  #checkLife (pingIntervalMs: number): void {
    const silentMs = performance.now() - this.#heardAt
    const wait = (ms: number): void => { this.#timer = setTimeout(() => { this.#checkLife(pingIntervalMs) }, ms) }
    if (silentMs < pingIntervalMs - 1) return wait(pingIntervalMs - silentMs)
    const askedAt = performance.now()
    this.#parts.socket.send(PING)
    this.#timer = setTimeout(() => {
      if (this.#heardAt < askedAt) this.#end(ABNORMAL)
      else wait(Math.max(0, pingIntervalMs - (performance.now() - this.#heardAt)))
    }, this.#parts.pongTimeoutMs)
  }

  #end (closeCode: number): void {
    if (this.#stage === 'over') return
    const wasOpen = this.#stage !== 'connecting'
    this.#release()
    const { socket, onEnd } = this.#parts
    if (socket.terminate) socket.terminate()
    else socket.close()
    onEnd(wasOpen ? { was: 'open', closeCode } : { was: 'refused' })
  }

  #release (): void {
    this.#stage = 'over'
    clearTimeout(this.#timer)
    const { socket } = this.#parts
    socket.onopen = socket.onmessage = socket.onclose = null
    // Closing before the handshake is over makes some implementations complain.
    socket.onerror = () => {}
  }
}
