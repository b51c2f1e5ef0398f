import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'

/** Between two publications: often enough to notice, seldom enough to leave the machine to the cases. */
const PACE_MS = 25
const ARRIVAL_MS = 30_000

/** A publisher and a subscriber who mind their own business while the cases are played: nothing that others do may touch them. */
export class Neighbours {
  readonly room: string
  readonly #publisher: TestClient
  readonly #subscriber: TestClient
  readonly #asked: ServerProcess
  #count = 0
  #slowestMs = 0
  #isStopped = false
  #work: Promise<void> = Promise.resolve()
  #problem: unknown

  private constructor (room: string, publisher: TestClient, subscriber: TestClient, asked: ServerProcess) {
    this.room = room
    this.#publisher = publisher
    this.#subscriber = subscriber
    this.#asked = asked
  }

  /** Brings them to life, on the same node or on two. */
  static async join (t: Pick<Test, 'after'>, publishing: ServerProcess, subscribing: ServerProcess): Promise<Neighbours> {
    const room = `neighbours ${randomUUID()}`
    const publisher = await connect(t, { url: publishing.wsUrl, token: memberToken(`publisher ${room}`) })
    const subscriber = await connect(t, { url: subscribing.wsUrl, token: memberToken(`subscriber ${room}`) })
    await publisher.subscribe(room)
    await subscriber.subscribe(room, { presence: true })
    const neighbours = new Neighbours(room, publisher, subscriber, subscribing)
    neighbours.#work = neighbours.#run().catch((error: unknown) => { neighbours.#problem = error })
    return neighbours
  }

  get count (): number { return this.#count }
  get slowestMs (): number { return Math.round(this.#slowestMs) }
  get connectionIds (): string[] { return [this.#publisher.connectionId, this.#subscriber.connectionId] }

  /** @throws what was lost, late, twice or out of order until now; or who of them is not online */
  async check (): Promise<void> {
    if (this.#problem !== undefined) throw new Error(`the neighbours were disturbed after ${this.#count} publications`, { cause: this.#problem })
    const { members } = await this.#asked.members(this.room)
    const names = members.map(({ userId }) => userId).sort()
    if (names.join() !== this.#users().join()) throw new Error(`of the neighbours there are left ${JSON.stringify(names)}`)
    for (const userId of names) if (!(await this.#asked.presence(userId)).online) throw new Error(`${userId} is said to be offline`)
  }

  async stop (): Promise<void> {
    this.#isStopped = true
    await this.#work
    await this.check()
  }

  async #run (): Promise<void> {
    while (!this.#isStopped) {
      const number = ++this.#count
      const since = performance.now()
      const [published, offset] = await Promise.all([this.#publisher.publish(this.room, { number }), this.#arrival(number)])
      if (published.offset !== offset) throw new Error(`publication ${number} has two offsets`)
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - since)
      this.#publisher.inbox.drain()
      await new Promise(resolve => { setTimeout(resolve, PACE_MS) })
    }
  }

  /** The next thing that the room tells the subscriber; what others publish to everyone is not of the room. */
  async #arrival (number: number): Promise<number | undefined> {
    for (;;) {
      const frame = await this.#subscriber.inbox.next(`publication ${number}`, ARRIVAL_MS)
      if (!('room' in frame) || frame.room !== this.room) continue
      if (frame.type === 'message' && (frame.data as { number?: unknown }).number === number && frame.offset === number) return frame.offset
      // They joined before they were subscribed to that; the frame of the second may still come.
      if (frame.type !== 'join' || number !== 1) throw new Error(`instead of publication ${number} came ${JSON.stringify(frame)}`)
    }
  }

  #users (): string[] {
    return [`publisher ${this.room}`, `subscriber ${this.room}`]
  }
}
