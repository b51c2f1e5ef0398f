import { backoff } from './backoff.ts'
import { ClientError } from './client-error.ts'
import type { Settings } from './options.ts'
import { probe } from './probe.ts'
import { reconnect, type Reconnect } from './reconnect.ts'
import { Session, type End, type SessionParts, type WelcomeFrame } from './session.ts'
import type { FetchLike, WebSocketConstructor } from './web-platform.ts'

/** `waiting` between two attempts; `closed` after `close`, and where coming back makes no sense. */
export type ClientState = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed'

export interface ConnectorParts extends Pick<SessionParts, 'resume' | 'onWelcome' | 'onFrame'> {
  readonly url: string
  readonly getToken: () => string | Promise<string>
  readonly WebSocket: WebSocketConstructor
  readonly fetch: FetchLike | undefined
  readonly settings: Settings
  readonly onState: (state: ClientState, error: ClientError | undefined) => void
  readonly onError: (error: ClientError) => void
  /** The connection is gone; `onState` follows. */
  readonly onLost: () => void
}

// A server tells the end of a token so long before it.
const EXPIRY_NOTICE_MS = 30_000

/** Keeps one connection: asks for tokens, connects, and after each end does what the end asks for. */
export class Connector {
  readonly #parts: ConnectorParts
  #state: ClientState = 'idle'
  /** Another one for every attempt and every stop, so that whoever waited notices that it was overtaken. */
  #run = 0
  #session: Session | undefined
  #token: string | undefined
  #openedAt: number | undefined
  #failures = 0
  #refusals = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor (parts: ConnectorParts) {
    this.#parts = parts
  }

  get state (): ClientState { return this.#state }

  /** Whether there is a connection that was welcomed. */
  get isWelcomed (): boolean { return this.#session?.isWelcomed === true }

  start (): void {
    if (this.#state !== 'idle' && this.#state !== 'closed') return
    this.#failures = this.#refusals = 0
    this.#attempt()
  }

  /** Ends for good, until it is started again. */
  stop (error?: ClientError): void {
    this.#run++
    this.#lose()
    this.#become('closed', error)
  }

  /** Sends a frame; false if there is no welcomed connection. */
  send (text: string): boolean {
    return this.#session?.send(text) === true
  }

  /**
   * The token is about to expire: asks for another after a while, which differs from client to client, and goes on with that. Where it fails
   * the connection ends with its token, and the next attempt asks again.
   */
  refresh (expiresAt: number): void {
    const remainingMs = Math.min(EXPIRY_NOTICE_MS, Math.max(1_000, expiresAt - Date.now()))
    const run = this.#run
    clearTimeout(this.#timer)
    this.#timer = setTimeout(async () => {
      const token = await this.#askToken(run)
      if (token === undefined || run !== this.#run || token === this.#token) return
      this.#token = token
      this.send(JSON.stringify({ type: 'refresh', token }))
    }, remainingMs * (0.25 + 0.25 * Math.random()))
  }

  async #attempt (): Promise<void> {
    const run = ++this.#run
    this.#become('connecting')
    if (run !== this.#run) return
    const token = await this.#askToken(run)
    if (run !== this.#run) return
    if (token === undefined) this.#wait('backoff')
    else this.#open(token, run)
  }

  #open (token: string, run: number): void {
    const { url, WebSocket, settings, resume, onFrame } = this.#parts
    this.#token = token
    const address = new URL(url.replace(/^http/, 'ws'))
    address.searchParams.set('resume', '1')
    try {
      this.#session = new Session({
        socket: new WebSocket(address.href, ['roomcast.v1', `bearer.${token}`]),
        ...settings,
        resume,
        onWelcome: welcome => { this.#welcome(welcome, run) },
        onFrame,
        onEnd: end => { this.#ended(end, token) }
      })
    } catch {
      // A token that no header can hold, for one; the probe says so.
      this.#diagnose(token)
    }
  }

  #welcome (welcome: WelcomeFrame, run: number): void {
    this.#openedAt = performance.now()
    this.#refusals = 0
    this.#parts.onWelcome(welcome)
    if (run === this.#run) this.#become('open')
  }

  #ended (end: End, token: string): void {
    const run = this.#run
    this.#lose()
    if (run !== this.#run) return
    if (end.was === 'refused') {
      this.#diagnose(token)
      return
    }
    const kind = reconnect(end.closeCode)
    if (kind === 'never') this.stop(new ClientError('closed_by_server', `closed with ${end.closeCode}`, end))
    else this.#wait(kind)
  }

  #lose (): void {
    clearTimeout(this.#timer)
    this.#session?.close()
    this.#session = undefined
    this.#parts.onLost()
  }

  /** After a refused attempt: a bad token is asked for anew once, what cannot change stops, and anything else may pass. */
  async #diagnose (token: string): Promise<void> {
    const run = this.#run
    const { fetch, url } = this.#parts
    const status = fetch && await probe(fetch, url, token)
    if (run !== this.#run) return
    if (status === 403) this.stop(new ClientError('origin_forbidden', 'Origin refused'))
    else if (status === 401 && this.#refusals++ > 0) this.stop(new ClientError('unauthorized', 'Token refused'))
    else this.#wait(status === 401 ? 'new token' : 'backoff')
  }

  #wait (kind: Exclude<Reconnect, 'never'>): void {
    const { stableMs, backoffMs, maxBackoffMs } = this.#parts.settings
    if (this.#openedAt !== undefined && performance.now() - this.#openedAt >= stableMs) this.#failures = 0
    this.#openedAt = undefined
    const failures = this.#failures++ + (kind === 'backoff' ? 1 : 0)
    const delayMs = backoff({ failures, baseMs: backoffMs, maxMs: maxBackoffMs, random: Math.random() })
    this.#timer = setTimeout(() => { this.#attempt() }, delayMs)
    this.#become('waiting')
  }

  /** A token from the application; undefined where there is none, which is reported if anybody still waits for it. */
  async #askToken (run: number): Promise<string | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => { reject(new Error('getToken took too long')) }, this.#parts.settings.tokenTimeoutMs)
    })
    try {
      return await Promise.race([(async () => this.#parts.getToken())(), late])
    } catch (cause) {
      if (run === this.#run) this.#parts.onError(new ClientError('token_failed', 'getToken gave no token', { cause }))
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }

  #become (state: ClientState, error?: ClientError): void {
    if (this.#state === state) return
    this.#state = state
    this.#parts.onState(state, error)
  }
}
