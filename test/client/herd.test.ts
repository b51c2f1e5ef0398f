import t, { type Test } from 'tap'
import type { ClientOptions, WebSocketLike } from '../../client/index.ts'
import { fakeTime, type FakeTime } from '../helpers/fake-clock.ts'
import { createClient } from './library-client.ts'

const CLIENTS = 2_000
const STEP_MS = 50

type Mood = 'welcomes' | 'refuses' | 'welcomes and closes'

const welcome = JSON.stringify({
  type: 'welcome', protocol: 'roomcast.v1', connectionId: 'c', userId: 'alice', nodeName: 'n', expiresAt: null, pingIntervalMs: 1_000_000_000, maxFrameBytes: 65_536, rooms: []
})

/** A server as clients see it, without a network; time is the test's. */
class Server {
  mood: Mood = 'welcomes'
  /** How many tried to connect since the last question. */
  #attempts = 0
  readonly #open = new Set<FakeSocket>()
  readonly #time: FakeTime

  constructor (time: FakeTime) {
    this.#time = time
  }

  get openCount (): number { return this.#open.size }

  get options (): Partial<ClientOptions> {
    const arrive = (socket: FakeSocket): void => { this.#arrive(socket) }
    return {
      WebSocket: class extends FakeSocket { constructor () { super(arrive) } },
      fetch: async () => ({ status: 503 }),
      backoffMs: 500,
      maxBackoffMs: 20_000
    }
  }

  /** Ends every connection, as a deploy does. */
  cut (): void {
    for (const socket of this.#open) this.#end(socket, 1001)
  }

  /** Lets time pass in steps, and tells how many tried to connect in each. */
  async pass (ms: number, stepMs = STEP_MS): Promise<number[]> {
    const slots: number[] = []
    for (let at = 0; at < ms; at += stepMs) {
      this.#attempts = 0
      this.#time.advance(stepMs)
      // What a timer began goes on in promises, and tokens and probes are some more.
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
      slots.push(this.#attempts)
    }
    return slots
  }

  #arrive (socket: FakeSocket): void {
    this.#attempts++
    if (this.mood === 'refuses') return this.#end(socket, 1006)
    this.#open.add(socket)
    socket.onopen?.({} as never)
    socket.onmessage?.({ data: welcome } as never)
    if (this.mood === 'welcomes and closes') this.#end(socket, 1001)
  }

  #end (socket: FakeSocket, code: number): void {
    this.#open.delete(socket)
    socket.onclose?.({ code } as never)
  }
}

class FakeSocket implements WebSocketLike {
  onopen: WebSocketLike['onopen'] = null
  onmessage: WebSocketLike['onmessage'] = null
  onclose: WebSocketLike['onclose'] = null
  onerror: WebSocketLike['onerror'] = null

  constructor (arrive: (socket: FakeSocket) => void) {
    setImmediate(() => { arrive(this) })
  }

  send (): void {}
  close (): void {}
}

async function gather (t: Test, count: number, options: Partial<ClientOptions> = {}): Promise<Server> {
  const server = new Server(fakeTime(t, 'setTimeout'))
  for (let index = 0; index < count; index++) createClient(t, 'ws://server.invalid/ws', { ...server.options, ...options }).connect().catch(() => {})
  await server.pass(STEP_MS)
  return server
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

// rails/rails#40229: all of them came back in the same second, and knocked the server over again.
t.test('P54: two thousand clients of a server that restarts come back spread out, from the first attempt on, and ever slower up to a bound', async t => {
  const server = await gather(t, CLIENTS)
  t.equal(server.openCount, CLIENTS)
  server.mood = 'refuses'
  server.cut()
  const first = await server.pass(500)
  for (const [slot, count] of first.entries()) t.ok(count > 100 && count < 600, `${count} attempts in slot ${slot}`)
  const minute = await server.pass(60_000, 1_000)
  t.ok(sum(minute) < 12 * CLIENTS, `${sum(minute) / CLIENTS} attempts of each in the first minute`)
  const most = Math.max(...minute.slice(30))
  t.ok(most < CLIENTS / 4, `at most ${most} attempts in a second after half a minute`)
  server.mood = 'welcomes'
  await server.pass(21_000, 1_000)
  t.equal(server.openCount, CLIENTS, 'and within the longest wait all are back')
})

t.test('P54: a server that accepts and closes at once is tried ever more seldom', async t => {
  const server = await gather(t, 20)
  server.mood = 'welcomes and closes'
  server.cut()
  const attempts = sum(await server.pass(600_000, 500)) / 20
  t.ok(attempts > 40 && attempts < 90, `${attempts} attempts of each in ten minutes`)
})

t.test('P54: after a connection that was stable the waits begin anew', async t => {
  const server = await gather(t, 20, { stableMs: 0 })
  server.mood = 'welcomes and closes'
  server.cut()
  const attempts = sum(await server.pass(60_000)) / 20
  t.ok(attempts > 150, `${attempts} attempts of each in a minute`)
})
