import { ClientError, type ErrorFrame } from './client-error.ts'
import { Connector, type ClientState } from './connector.ts'
import { Emitter } from './emitter.ts'
import { settingsOf, type ClientOptions } from './options.ts'
import { Publisher } from './publisher.ts'
import { resumeFrame } from './resume.ts'
import { RoomHandle } from './room.ts'
import { RoomSubscription } from './room-subscription.ts'
import type { Frame, WelcomeFrame } from './session.ts'
import { platform } from './web-platform.ts'

/** What a client tells its listeners, by name. */
export interface ClientEvents {
  /** With `closed` comes the error, unless the application closed it. */
  readonly state: readonly [state: ClientState, error: ClientError | undefined]
  /** What went wrong without a promise to tell it: `getToken` failed, the client stopped, the server did not understand a frame. */
  readonly error: readonly [error: ClientError]
}

interface Opening {
  readonly resolve: () => void
  readonly reject: (error: ClientError) => void
}

/** The server's default; the welcome tells the real one. */
const MAX_FRAME_BYTES = 65_536

/** A client of Roomcast: one connection that is kept, and the rooms that are subscribed over all its reconnects. */
export class RoomcastClient {
  readonly #events = new Emitter<ClientEvents>()
  readonly #rooms = new Map<string, { readonly subscription: RoomSubscription, readonly handle: RoomHandle }>()
  readonly #connector: Connector
  readonly #publisher: Publisher
  #welcomed: WelcomeFrame | undefined
  /** Of the last resume: its id, and the rooms in it. */
  #resumeId = 0
  #resumed = new Set<string>()
  #openings: Opening[] = []
  #lastId = 0

  constructor (options: ClientOptions) {
    const { url, getToken, WebSocket = platform.WebSocket, fetch = platform.fetch?.bind(globalThis) } = options
    if (WebSocket === undefined) throw new TypeError('There is no WebSocket here; pass one as option')
    const settings = settingsOf(options)
    this.#connector = new Connector({
      url,
      getToken,
      WebSocket,
      fetch,
      settings,
      resume: () => this.#resume(),
      onWelcome: welcome => { this.#welcome(welcome) },
      onFrame: frame => { this.#take(frame) },
      onState: (state, error) => { this.#become(state, error) },
      onError: error => { this.#events.emit('error', error) },
      onLost: () => { this.#lost() }
    })
    this.#publisher = new Publisher({
      nextId: () => ++this.#lastId,
      send: text => this.#connector.send(text),
      maxFrameBytes: () => this.#welcomed?.maxFrameBytes ?? MAX_FRAME_BYTES,
      maxQueued: settings.maxQueued,
      timeoutMs: settings.publishTimeoutMs
    })
  }

  get state (): ClientState { return this.#connector.state }

  /** Who the token says this is; undefined until the first welcome. */
  get userId (): string | undefined { return this.#welcomed?.userId }

  /** The present connection, or the last one. */
  get connectionId (): string | undefined { return this.#welcomed?.connectionId }

  /** Listens; returns how to stop that. */
  on<Name extends keyof ClientEvents> (name: Name, listener: (...args: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Connects, and keeps connected until `close`. Resolves once it is open; rejects if the client stops before. Nobody must wait for it. */
  connect (): Promise<void> {
    if (this.state === 'open') return Promise.resolve()
    const opening = new Promise<void>((resolve, reject) => { this.#openings.push({ resolve, reject }) })
    opening.catch(() => {})
    this.#connector.start()
    return opening
  }

  /** Closes. What waits for an answer is rejected; `connect` begins again, with the rooms that are subscribed. */
  close (): void {
    if (this.state !== 'closed') this.#connector.stop()
  }

  /** The room of a name, the same each time. `Data` is what the application publishes in it; nothing checks that. */
  room<Data = unknown> (name: string): RoomHandle<Data> {
    return this.#room(name).handle as RoomHandle<Data>
  }

  #room (name: string): { readonly subscription: RoomSubscription, readonly handle: RoomHandle } {
    let room = this.#rooms.get(name)
    if (room === undefined) {
      const subscription = new RoomSubscription(name, { request: frame => this.#request(frame) })
      const handle = new RoomHandle({ subscription, publish: (room, data, options) => this.#publish(room, data, options) })
      this.#rooms.set(name, room = { subscription, handle })
    }
    return room
  }

  #request (frame: object): number | undefined {
    const id = ++this.#lastId
    return this.#connector.send(JSON.stringify({ ...frame, id })) ? id : undefined
  }

  #publish (...[room, data, options]: Parameters<Publisher['publish']>): ReturnType<Publisher['publish']> {
    if (this.state === 'closed') return Promise.reject(new ClientError('closed', 'The client is closed'))
    return this.#publisher.publish(room, data, options)
  }

  #subscriptions (): RoomSubscription[] {
    return Array.from(this.#rooms.values(), ({ subscription }) => subscription)
  }

  #resume (): ReturnType<typeof resumeFrame> {
    const rooms = this.#subscriptions().flatMap(({ resumption }) => resumption ?? [])
    this.#resumeId = ++this.#lastId
    const maxBytes = this.#welcomed?.maxFrameBytes ?? MAX_FRAME_BYTES
    const frame = resumeFrame({ id: this.#resumeId, connectionId: this.connectionId, rooms, maxBytes })
    this.#resumed = new Set(frame.rooms.map(({ room }) => room))
    return frame
  }

  #welcome (welcome: WelcomeFrame): void {
    this.#welcomed = welcome
    const entries = new Map(welcome.rooms.map(entry => [entry.room, entry]))
    for (const room of entries.keys()) this.#room(room)
    for (const subscription of this.#subscriptions()) {
      subscription.welcome(entries.get(subscription.name), this.#resumed.has(subscription.name))
      // A listener closed the client.
      if (!this.#connector.isWelcomed) return
    }
    this.#publisher.flush()
  }

  #take (frame: Frame): void {
    switch (frame.type) {
      case 'message': return this.#subscription(frame.room)?.message(frame)
      case 'gap': return this.#subscription(frame.room)?.gap(frame)
      case 'join':
      case 'leave': return this.#subscription(frame.room)?.change(frame)
      case 'presence': return this.#subscription(frame.room)?.snapshot(frame)
      case 'subscribed': return this.#room(frame.room).subscription.subscribed(frame, frame.id as number | undefined)
      case 'unsubscribed':
        if (frame.id === undefined) this.#subscription(frame.room)?.ended(frame.code)
        return
      case 'published':
        this.#publisher.settle(frame)
        return
      case 'token_expiring': return this.#connector.refresh(frame.expiresAt)
      case 'error': return this.#refused(frame)
      default:
        // Frames that a later server may send, and that this client does not know.
    }
  }

  #refused (frame: ErrorFrame): void {
    if (this.#publisher.settle(frame)) return
    if (frame.id === this.#resumeId) for (const subscription of this.#subscriptions()) subscription.notResumed()
    else if (frame.room === undefined) this.#events.emit('error', new ClientError(frame.code, frame.message))
    else this.#subscription(frame.room)?.refused(frame)
  }

  #subscription (room: string): RoomSubscription | undefined {
    return this.#rooms.get(room)?.subscription
  }

  #lost (): void {
    this.#publisher.lost()
    for (const subscription of this.#subscriptions()) subscription.lost()
  }

  #become (state: ClientState, error: ClientError | undefined): void {
    if (state === 'open') for (const { resolve } of this.#openings.splice(0)) resolve()
    if (state === 'closed') this.#reject(error ?? new ClientError('closed', 'The client was closed'))
    this.#events.emit('state', state, error)
    if (error !== undefined) this.#events.emit('error', error)
  }

  /** Nobody is kept waiting for what does not come any more. */
  #reject (error: ClientError): void {
    for (const { reject } of this.#openings.splice(0)) reject(error)
    this.#publisher.close(error)
    for (const subscription of this.#subscriptions()) subscription.close(error)
  }
}
