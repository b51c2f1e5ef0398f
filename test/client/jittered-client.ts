import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { RoomcastClient, RoomHandle, WebSocketConstructor } from '../../client/index.ts'
import type { Frame } from '../helpers/client.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import type { Entry, Receipt } from './publish-record.ts'
import { createClient } from './library-client.ts'
import type { Between } from '../helpers/random.ts'
import { portOf, startProxy, type TcpProxy } from './tcp-proxy.ts'

export interface JitteredClientOptions {
  readonly userId: string
  readonly rooms: readonly string[]
  /** The first of them is where it begins. */
  readonly nodes: readonly ServerProcess[]
  readonly between: Between
}

/** From the end of a cut to the end of the next, and how long a cut lasts. */
const PERIOD_MS = [2_000, 5_000] as const
const CUT_MS = [200, 2_000] as const
/** How many of the cuts end with a way to any of the nodes, instead of the same one. */
const ROAMING = 0.5
/** What a machine that keeps up does not come near to; the history reaches 20 s back. */
const AWAY_MS = 8_000
// Never stable for long, such clients would soon wait for most of a default back-off of 20 s, and be away for longer than the history is kept.
const BACKOFF = { backoffMs: 100, maxBackoffMs: 1_000 }

/** A client of the library behind a link of its own that is cut again and again, and all that it received. Made by `startJitteredClient`. */
export class JitteredClient {
  readonly userId: string
  /** Cuts so far; those of them that came before the client was back from the one before; and those that it was spared. */
  cuts = 0
  overtaken = 0
  spared = 0
  /** From the end of a cut until the client was open and in all its rooms again. */
  readonly recoveryMs: number[] = []
  /** Publications that came with a recovery and not live. */
  recovered = 0
  /** Gaps that it was told, of any room. */
  readonly gaps: string[] = []
  /** Publications that a connection brought although the client had them, before the library drops them. */
  readonly repeats: string[] = []
  readonly #client: RoomcastClient
  readonly #proxy: TcpProxy
  readonly #rooms: ReadonlyMap<string, RoomHandle<number>>
  readonly #ports: readonly number[]
  readonly #between: Between
  readonly #entries = new Map<string, Entry[]>()
  /** How far each room has got on the wire. */
  readonly #arrived = new Map<string, number>()
  #awaySince: number | undefined
  #healedAt: number | undefined

  constructor (t: Pick<Test, 'after'>, proxy: TcpProxy, { userId, rooms, nodes, between }: JitteredClientOptions) {
    this.userId = userId
    this.#proxy = proxy
    this.#between = between
    this.#ports = nodes.map(({ url }) => portOf(url))
    this.#client = createClient(t, proxy.wsUrl, {
      ...BACKOFF,
      getToken: () => memberToken(userId),
      WebSocket: tapped(frame => { this.#hear(frame) })
    })
    this.#rooms = new Map(rooms.map(name => [name, this.#listen(name)]))
    this.#client.on('state', () => { this.#noteRecovery() })
  }

  /** Whether it is open and in all its rooms. */
  get isWhole (): boolean {
    return this.#client.state === 'open' && [...this.#rooms.values()].every(({ state }) => state === 'subscribed')
  }

  /** How it is, for a failure. */
  get standing (): string {
    return [this.userId, this.#client.state, ...Array.from(this.#rooms.values(), ({ name, state }) => `${name} ${state}`)].join(', ')
  }

  /**
   * Whether it has been away for long, over one cut or several. It is then spared more of them, and who publishes waits for it, so that
   * a starved machine does not outlast the history, beyond which nothing is promised.
   */
  get isLost (): boolean {
    return this.#awaySince !== undefined && performance.now() - this.#awaySince > AWAY_MS
  }

  get receipts (): Receipt[] {
    return Array.from(this.#entries, ([room, entries]) => ({ client: this.userId, room, entries }))
  }

  /** Connects, and subscribes to its rooms. */
  async enter (): Promise<void> {
    this.#client.connect()
    await Promise.all(Array.from(this.#rooms.values(), room => room.subscribe()))
  }

  /** Cuts its link and heals it, at random, over and over; ends, healed, before an instant of `performance.now()`. */
  async jitter (endsAt: number): Promise<void> {
    for (;;) {
      const cutMs = this.#between(...CUT_MS)
      const periodMs = this.#between(...PERIOD_MS)
      const port = this.#between(0, 1) < ROAMING ? this.#ports[Math.floor(this.#between(0, this.#ports.length))] : undefined
      if (performance.now() + periodMs >= endsAt) return
      await delay(periodMs - cutMs)
      await this.#cut(cutMs, port)
    }
  }

  async #cut (ms: number, port: number | undefined): Promise<void> {
    if (this.isLost) {
      this.spared++
      return
    }
    this.cuts++
    this.#awaySince ??= performance.now()
    if (this.#healedAt !== undefined) this.overtaken++
    this.#healedAt = undefined
    this.#proxy.cut()
    await delay(ms)
    this.#healedAt = performance.now()
    this.#proxy.heal(port)
  }

  #listen (name: string): RoomHandle<number> {
    const room = this.#client.room<number>(name)
    const entries: Entry[] = []
    this.#entries.set(name, entries)
    room.on('message', ({ data, offset = NaN }) => { entries.push({ id: data, epoch: room.position?.epoch ?? 'none', offset }) })
    room.on('recovered', count => { this.recovered += count })
    room.on('gap', ({ offset }) => { this.gaps.push(`${this.userId} was told a gap in ${name} up to ${offset}`) })
    room.on('state', () => { this.#noteRecovery() })
    return room
  }

  #noteRecovery (): void {
    if (this.#healedAt === undefined || !this.isWhole) return
    this.recoveryMs.push(performance.now() - this.#healedAt)
    this.#healedAt = this.#awaySince = undefined
  }

  /** Looks at what comes on the wire, personal rooms included. */
  #hear (frame: Frame): void {
    if (frame.type === 'message') this.#arrive(frame.room, frame.offset ?? NaN)
    const entries = frame.type === 'welcome' ? frame.rooms : frame.type === 'subscribed' ? [frame] : []
    for (const { room, recovered, publications = [] } of entries) {
      if (recovered === false) this.gaps.push(`${this.userId} could not recover ${room}`)
      for (const { offset } of publications) this.#arrive(room, offset)
    }
    if (frame.type === 'gap') this.gaps.push(`${this.userId} got a gap frame of ${frame.room}`)
  }

  #arrive (room: string, offset: number): void {
    const before = this.#arrived.get(room) ?? 0
    if (offset <= before) this.repeats.push(`${this.userId} got ${offset} of ${room} after ${before}`)
    else this.#arrived.set(room, offset)
  }
}

/** Starts such a client, connected, and in its rooms. */
export async function startJitteredClient (t: Pick<Test, 'after'>, options: JitteredClientOptions): Promise<JitteredClient> {
  const [first] = options.nodes
  if (first === undefined) throw new Error('a client needs a node')
  const client = new JitteredClient(t, await startProxy(t, first.url), options)
  await client.enter()
  return client
}

/** A WebSocket that shows each frame of the server before the library has it. */
function tapped (onFrame: (frame: Frame) => void): WebSocketConstructor {
  return class extends WebSocket {
    constructor (url: string, protocols: string[]) {
      super(url, protocols)
      this.on('message', (data: Buffer) => { onFrame(JSON.parse(data.toString()) as Frame) })
    }
  } as WebSocketConstructor
}
