import { WebSocket } from 'ws'
import { RoomcastClient, type RoomHandle, type WebSocketConstructor } from '../../client/index.ts'
import { memberToken } from '../helpers/token.ts'
import type { Ledger } from './ledger.ts'
import type { Answer } from './publishing.ts'
import type { Stream } from './stream.ts'
import { WireBook, type WireFrame } from './wire-book.ts'

export interface VisitorParts {
  readonly name: string
  readonly userId: string
  readonly ledger: Ledger
  /** Where to connect now: the address of a node, such as `http://127.0.0.1:43211`. */
  readonly way: () => string
}

export interface NamedSeat {
  readonly room: string
  /** Whether it is told who else is there. */
  readonly isWatching: boolean
}

export interface Letter {
  readonly id: number
  readonly pad: string
}

interface Place {
  readonly handle: RoomHandle<Letter>
  readonly stream: Stream
  readonly stops: Array<() => void>
}

/** What the library may reject a publish with when it did not happen and will not. */
const REFUSALS = new Set(['unavailable', 'rate_limited', 'timeout', 'queue_full', 'closed'])
/** A soak breaks connections all the time: with the default back-off, clients that never are stable would be away for most of it. */
const BACKOFF = { backoffMs: 200, maxBackoffMs: 2_000 }

/** One user's client of the library, that comes and goes, and whatever it is told. */
export class Visitor {
  readonly userId: string
  readonly #parts: VisitorParts
  readonly #rooms = new Map<string, Place>()
  readonly #publishes = new Set<Promise<unknown>>()
  #client: RoomcastClient | undefined
  #socket: WebSocket | undefined
  #wire: WireBook | undefined
  /** One thing is done after the other. */
  #chain: Promise<void> = Promise.resolve()

  constructor (parts: VisitorParts) {
    this.#parts = parts
    this.userId = parts.userId
  }

  get isPresent (): boolean { return this.#client !== undefined }
  get connectionId (): string | undefined { return this.#client?.connectionId }
  get rooms (): string[] { return [...this.#rooms.keys()] }
  get wire (): WireBook | undefined { return this.#wire }

  /** Whether it is gone, or open and in all its rooms. */
  get isWhole (): boolean {
    return this.#client === undefined || (this.#client.state === 'open' && [...this.#rooms.values()].every(({ handle }) => handle.state === 'subscribed'))
  }

  /** How it is, for a failure. */
  get standing (): string {
    return [this.#parts.name, this.#client?.state ?? 'gone', ...Array.from(this.#rooms.values(), ({ handle }) => `${handle.name} ${handle.state}`)].join(', ')
  }

  come (seats: readonly NamedSeat[]): void {
    this.#next(() => {
      const { ledger, userId } = this.#parts
      ledger.counts.come++
      const client = new RoomcastClient({ url: 'ws://127.0.0.1/ws', getToken: () => memberToken(userId), WebSocket: this.#socketClass(), fetch: (url, options) => this.#fetch(url, options), ...BACKOFF })
      client.on('error', error => { if (error.code !== 'token_failed') ledger.findings.note(`${this.#parts.name}: ${error.message} (${error.code})`) })
      client.on('state', (state, error) => { if (state === 'closed' && error !== undefined) ledger.findings.note(`${this.#parts.name} was sent away for good: ${error.message}`) })
      this.#client = client
      for (const seat of seats) this.#enter(seat)
      client.connect().catch(() => {})
    })
  }

  /** Waits until it knows what became of its publishes, and leaves. */
  go (how: 'close' | 'reset'): Promise<void> {
    return this.#next(async () => {
      await Promise.all(this.#publishes)
      for (const room of [...this.#rooms.keys()]) this.#leave(room)
      if (how === 'reset') this.#reset()
      this.#client?.close()
      this.#client = this.#wire = undefined
    })
  }

  /** Ends at once, whatever it was at. */
  abandon (): void {
    this.#client?.close()
  }

  /** Loses its connection, and comes back. */
  cut (): void {
    this.#next(() => {
      this.#parts.ledger.counts.cuts++
      this.#reset()
    })
  }

  enter (seat: NamedSeat): void {
    this.#next(() => { this.#enter(seat) })
  }

  exit (room: string): void {
    this.#next(() => {
      const handle = this.#rooms.get(room)?.handle
      this.#leave(room)
      handle?.unsubscribe()
    })
  }

  publish (room: string, letter: Letter): void {
    this.#next(() => {
      const handle = this.#client?.room<Letter>(room)
      if (handle === undefined) return
      const settled = this.#parts.ledger.publishes.settle(room, letter.id, key => attempt(handle, letter, key)).finally(() => { this.#publishes.delete(settled) })
      this.#publishes.add(settled)
    })
  }

  #next (act: () => void | Promise<void>): Promise<void> {
    this.#chain = this.#chain.then(act)
    return this.#chain
  }

  #enter ({ room, isWatching }: NamedSeat): void {
    const handle = this.#client?.room<Letter>(room)
    if (handle === undefined) return
    const { ledger, name } = this.#parts
    const stream = ledger.deliveries.stream(name, room)
    const place = (offset = NaN) => ({ epoch: handle.position?.epoch ?? 'none', offset })
    const stops = [
      handle.on('message', ({ offset, data }) => { stream.message(place(offset), data.id) }),
      handle.on('gap', position => { stream.gap(position) }),
      handle.on('recovered', count => { ledger.recovered(count) }),
      handle.on('state', (state, error) => {
        if (state === 'subscribed') stream.subscribed(place(handle.position?.offset))
        if (state === 'refused') ledger.findings.note(`${name} was refused ${room}: ${error?.code}`)
      })
    ]
    this.#rooms.set(room, { handle, stream, stops })
    handle.subscribe({ presence: isWatching }).catch((error: { code?: string }) => {
      if (error.code !== 'unsubscribed' && error.code !== 'closed') ledger.findings.note(`${name} could not subscribe to ${room}: ${error.code}`)
    })
  }

  #leave (room: string): void {
    const place = this.#rooms.get(room)
    if (place === undefined) return
    for (const stop of place.stops) stop()
    place.stream.end()
    this.#rooms.delete(room)
  }

  #reset (): void {
    // ws keeps its TCP socket to itself; there is no other way to make it send a reset.
    const { _socket: tcp } = (this.#socket ?? {}) as unknown as { _socket?: { resetAndDestroy: () => void } }
    tcp?.resetAndDestroy()
  }

  #fetch (url: string, options: { readonly headers: Record<string, string> }): Promise<Response> {
    const { pathname, search } = new URL(url)
    return fetch(new URL(pathname + search, this.#parts.way()), options)
  }

  /** A WebSocket to whichever node it is sent to, that shows each frame to the book before the library has it. */
  #socketClass (): WebSocketConstructor {
    const { ledger, name, way } = this.#parts
    const open = (socket: WebSocket): void => {
      const wire = new WireBook(name, ledger.members)
      this.#socket = socket
      this.#wire = wire
      ledger.counts.attempts++
      socket.on('open', () => { ledger.counts.connections++ })
      socket.on('message', (bytes: Buffer) => {
        const frame = JSON.parse(bytes.toString()) as WireFrame
        if (frame.type === 'error') ledger.tally(frame.code ?? 'none')
        wire.take(frame)
      })
      socket.on('close', code => { ledger.tally(`close ${code}`) })
    }
    return class extends WebSocket {
      constructor (url: string, protocols: string[]) {
        const { pathname, search } = new URL(url)
        super(new URL(pathname + search, way().replace('http', 'ws')), protocols)
        open(this)
      }
    } as WebSocketConstructor
  }
}

async function attempt (handle: RoomHandle<Letter>, letter: Letter, key: string): Promise<Answer> {
  try {
    const { epoch, offset } = await handle.publish(letter, { key })
    if (epoch === undefined || offset === undefined) throw new Error(`publication ${letter.id} got no position`)
    return { kind: 'published', place: { epoch, offset } }
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 'outcome_unknown') return { kind: 'unknown' }
    if (typeof code === 'string' && REFUSALS.has(code)) return { kind: 'refused' }
    throw error
  }
}
