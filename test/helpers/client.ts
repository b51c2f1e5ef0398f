import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { closeCodes } from '../../src/core/close-codes.ts'
import type { HistoryFrame, MessageFrame, PublishFrame, ServerFrame, SubscribeFrame } from '../../src/core/frames.ts'
import { ClosedError, Inbox, type Closure } from './inbox.ts'
import { within } from './within.ts'

/** Any frame of the server. */
export type Frame = ServerFrame | MessageFrame
type FrameOf<Type extends Frame['type']> = Extract<Frame, { type: Type }>

export interface ConnectOptions {
  /** The whole address, such as `node.wsUrl`. */
  readonly url: string
  readonly token?: string
  /** How the token travels. */
  readonly via?: 'header' | 'subprotocol' | 'query'
  readonly origin?: string
  readonly headers?: Record<string, string>
  readonly protocols?: readonly string[]
  /** Frames that are sent in the open callback, before anything is received. */
  readonly eager?: readonly string[]
}

/** An error frame that answered a request. */
export class TestClientError extends Error {
  readonly code: string
  readonly frame: FrameOf<'error'>

  constructor (what: string, frame: FrameOf<'error'>) {
    super(`${what} was answered ${frame.code}: ${frame.message}`)
    this.code = frame.code
    this.frame = frame
  }
}

interface Pending {
  readonly what: string
  readonly resolve: (frame: Frame) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

const HANDSHAKE_MS = 10_000
const REPLY_MS = 10_000
const CLOSED_MS = 15_000

/** One WebSocket client. Replies settle their requests; every other frame goes to the inbox. Made by `connect`. */
export class TestClient {
  readonly inbox = new Inbox<Frame>()
  readonly socket: WebSocket
  readonly #closed: Promise<Closure>
  #welcome: FrameOf<'welcome'> | undefined
  readonly #pending = new Map<string | number, Pending>()
  /** Rooms that it asked for, and is in. */
  readonly #rooms = new Set<string>()
  #lastId = 0

  constructor (socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => { this.#take(JSON.parse(data.toString()) as Frame) })
    this.#closed = new Promise(resolve => {
      socket.on('close', (code: number, reason: Buffer) => { resolve(this.#end({ code, reason: reason.toString() })) })
    })
  }

  get welcome (): FrameOf<'welcome'> {
    if (this.#welcome === undefined) throw new Error('the client was not welcomed yet')
    return this.#welcome
  }

  /** How the connection ended; rejects if it does not end in time. */
  get closed (): Promise<Closure> { return within('end of the connection', CLOSED_MS, this.#closed) }

  get connectionId (): string { return this.welcome.connectionId }

  /** Takes the first frame, which is the welcome always. */
  async greet (): Promise<this> {
    const frame = await this.inbox.next('welcome')
    if (frame.type !== 'welcome') throw new Error(`the first frame was ${JSON.stringify(frame)}`)
    this.#welcome = frame
    return this
  }

  async subscribe (room: string, options: Omit<SubscribeFrame, 'type' | 'id' | 'room'> = {}): Promise<FrameOf<'subscribed'>> {
    const subscribed = await this.#request('subscribed', { type: 'subscribe', room, ...options })
    this.#rooms.add(room)
    return subscribed
  }

  history (room: string, options: Omit<HistoryFrame, 'type' | 'id' | 'room'> = {}): Promise<FrameOf<'history'>> {
    return this.#request('history', { type: 'history', room, ...options })
  }

  unsubscribe (room: string): Promise<FrameOf<'unsubscribed'>> {
    return this.#request('unsubscribed', { type: 'unsubscribe', room })
  }

  publish (room: string, data: unknown, options: Omit<PublishFrame, 'type' | 'id' | 'room' | 'data'> = {}): Promise<FrameOf<'published'>> {
    return this.#request('published', { type: 'publish', room, data, ...options })
  }

  /** Asks who is in a room. */
  presence (room: string): Promise<FrameOf<'presence'>> {
    return this.#request('presence', { type: 'presence', room })
  }

  ping (): Promise<FrameOf<'pong'>> {
    return this.#request('pong', { type: 'ping' })
  }

  /**
   * Resolves when everything has arrived that the node has for it now. Rooms rest after a write that took long, and none waits for another;
   * but the answer to a second subscribe is behind all that it covers.
   */
  async catchUp (): Promise<void> {
    await this.ping()
    for (const room of this.#rooms) await this.subscribe(room).catch((error: unknown) => { if (!(error instanceof TestClientError)) throw error })
  }

  /** Sends text, or bytes as a binary frame, as they are. */
  send (content: string | Buffer): void {
    this.socket.send(content)
  }

  close (): Promise<Closure> {
    this.socket.close(1000)
    return this.closed
  }

  /** Cuts the connection with a TCP reset: no close frame, no FIN. */
  reset (): Promise<Closure> {
    tcpSocket(this.socket).resetAndDestroy()
    return this.closed
  }

  #request<Type extends Frame['type']> (type: Type, body: Record<string, unknown>): Promise<FrameOf<Type>> {
    const id = ++this.#lastId
    const what = `${String(body['type'])} ${String(body['room'] ?? '')}`.trim()
    return new Promise<Frame>((resolve, reject) => {
      const timer = setTimeout(() => { this.#pending.delete(id); reject(new Error(`no reply to ${what} in ${REPLY_MS} ms`)) }, REPLY_MS)
      this.#pending.set(id, { what, resolve, reject, timer })
      this.socket.send(JSON.stringify({ ...body, id }))
    }).then(frame => {
      if (frame.type !== type) throw new Error(`${what} was answered ${JSON.stringify(frame)}`)
      return frame as FrameOf<Type>
    })
  }

  #take (frame: Frame): void {
    if (frame.type === 'unsubscribed') this.#rooms.delete(frame.room)
    const id = 'id' in frame ? frame.id : undefined
    const request = id === undefined ? undefined : this.#pending.get(id)
    if (id === undefined || request === undefined) return this.inbox.push(frame)
    this.#pending.delete(id)
    clearTimeout(request.timer)
    if (frame.type === 'error') request.reject(new TestClientError(request.what, frame))
    else request.resolve(frame)
  }

  #end (closure: Closure): Closure {
    for (const { what, reject, timer } of this.#pending.values()) {
      clearTimeout(timer)
      reject(new ClosedError(`the reply to ${what}`, closure))
    }
    this.#pending.clear()
    this.inbox.end(closure)
    return closure
  }
}

/** Connects and waits for the welcome. */
export async function connect (t: Pick<Test, 'after'>, options: ConnectOptions): Promise<TestClient> {
  const socket = open(t, options)
  const client = new TestClient(socket)
  socket.on('open', () => { for (const text of options.eager ?? []) socket.send(text) })
  await once(socket, 'open')
  return client.greet()
}

const SOON_MS = 15_000

/**
 * Connects as soon as the node can welcome: after Redis was away it has its lease again with its next heartbeat, and until then closes with
 * 4500, after which a client comes again.
 */
export async function connectSoon (t: Pick<Test, 'after'>, options: ConnectOptions): Promise<TestClient> {
  for (const deadline = Date.now() + SOON_MS; ;) {
    try {
      return await connect(t, options)
    } catch (error) {
      if (!(error instanceof ClosedError) || error.code !== closeCodes.internal.code || Date.now() > deadline) throw error
    }
  }
}

export interface Refusal {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: IncomingHttpHeaders
  /** The body as it came. */
  readonly text: string
}

/** Tries to connect where the upgrade must be refused; resolves with the HTTP answer. */
export async function connectRefused (t: Pick<Test, 'after'>, options: ConnectOptions): Promise<Refusal> {
  const socket = open(t, options)
  const [request, response] = await new Promise<[{ destroy: () => void }, IncomingMessage]>((resolve, reject) => {
    socket.on('unexpected-response', (request, response) => resolve([request, response]))
    socket.on('open', () => reject(new Error('the upgrade was accepted')))
    socket.on('error', reject)
  })
  const chunks = await response.toArray() as Buffer[]
  request.destroy()
  const text = Buffer.concat(chunks).toString()
  return { status: response.statusCode ?? 0, body: parse(text), headers: response.headers, text }
}

function open (t: Pick<Test, 'after'>, { url, token, via = 'header', origin, headers = {}, protocols }: ConnectOptions): WebSocket {
  const address = new URL(url)
  const offered = [...protocols ?? ['roomcast.v1']]
  const sent: Record<string, string> = { ...headers }
  if (origin !== undefined) sent['origin'] = origin
  if (token !== undefined && via === 'query') address.searchParams.set('token', token)
  if (token !== undefined && via === 'subprotocol') offered.push(`bearer.${token}`)
  if (token !== undefined && via === 'header') sent['authorization'] = `Bearer ${token}`
  const socket = new WebSocket(address, offered, { headers: sent, handshakeTimeout: HANDSHAKE_MS })
  socket.on('error', () => {})
  t.after(() => { socket.terminate() })
  return socket
}

function parse (text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}

// ws keeps its TCP socket to itself; there is no other way to make it send a reset.
function tcpSocket (socket: WebSocket): { resetAndDestroy: () => void } {
  return (socket as unknown as { _socket: { resetAndDestroy: () => void } })._socket
}
