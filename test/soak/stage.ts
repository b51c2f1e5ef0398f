import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { ServerProcess } from '../helpers/server-process.ts'
import { misbehave } from './abuse.ts'
import type { Fleet } from './fleet.ts'
import type { Ledger } from './ledger.ts'
import type { Action, Step } from './plan.ts'
import type { Answer } from './publishing.ts'
import type { Place } from './room-page.ts'
import { Visitor, type Letter } from './visitor.ts'

export interface StageParts {
  readonly fleet: Fleet
  readonly ledger: Ledger
  /** What its rooms and users are called, so that two stages on one fleet have none in common. */
  readonly name: string
  readonly connections: number
  readonly rooms: number
  /** Called every few seconds. */
  readonly onTurn: () => void
}

/** So many visitors to a user: some users have several connections. */
const VISITORS_PER_USER = 1.25
const TURN_MS = 5_000
const LATE_TURN_MS = 50

/** Where a plan is played: the visitors, the abusers and the backends. */
export class Stage {
  readonly rooms: readonly string[]
  readonly users: readonly string[]
  readonly visitors: readonly Visitor[]
  readonly abusers: string[] = []
  /** How far the plan has got, in milliseconds. */
  atMs = 0
  readonly #parts: StageParts
  readonly #abuses: Array<Promise<void>> = []
  #faults: Promise<void> = Promise.resolve()
  #lastId = 0

  constructor (parts: StageParts) {
    const { name, connections, rooms, fleet, ledger } = parts
    this.#parts = parts
    this.rooms = Array.from({ length: rooms }, (_, index) => `${name}:${index}`)
    this.users = Array.from({ length: Math.ceil(connections / VISITORS_PER_USER) }, (_, index) => `${name}-user-${index}`)
    this.visitors = Array.from({ length: connections }, (_, index) => new Visitor({
      name: `visitor ${index}`,
      userId: this.users[index % this.users.length] ?? '',
      ledger,
      way: () => fleet.next().url
    }))
  }

  /** Plays a plan to its end, and waits until its last fault is mended and its last abuser gone. */
  async play (plan: Iterable<Step>): Promise<void> {
    const start = performance.now()
    let turnAt = start
    let waitedAt = start
    for (const step of plan) {
      const now = performance.now()
      const earlyMs = step.atMs - (now - start)
      // What is late is done at once, but for a turn of everything else now and then.
      if (earlyMs > 0 || now - waitedAt > LATE_TURN_MS) {
        await (earlyMs > 0 ? delay(earlyMs) : nextTurn())
        waitedAt = performance.now()
      }
      this.atMs = step.atMs
      if (performance.now() > turnAt) {
        turnAt = performance.now() + TURN_MS
        this.#parts.onTurn()
      }
      this.#act(step)
    }
    await Promise.all([this.#faults, ...this.#abuses])
  }

  /** Publishes once more to each room; what was published before comes before it. */
  async publishLast (): Promise<Map<string, Place>> {
    const lasts = await Promise.all(this.rooms.map(async room => [room, await this.#publishByBackend(room, 0)] as const))
    return new Map(lasts.flatMap(([room, place]) => place === undefined ? [] : [[room, place]]))
  }

  /** Ends whoever is still there, when nobody wants to know any more what becomes of them. */
  abandon (): void {
    for (const visitor of this.visitors) visitor.abandon()
  }

  /** Everyone leaves. */
  async empty (): Promise<void> {
    await Promise.all(this.visitors.map((visitor, index) => visitor.go(index % 2 === 0 ? 'close' : 'reset')))
  }

  #act (action: Action): void {
    const { ledger, fleet } = this.#parts
    switch (action.kind) {
      case 'come': return this.#visitor(action.visitor).come(action.seats.map(({ room, isWatching }) => ({ room: this.#room(room), isWatching })))
      case 'go':
        this.#visitor(action.visitor).go(action.how)
        return
      case 'cut': return this.#visitor(action.visitor).cut()
      case 'enter': return this.#visitor(action.visitor).enter({ ...action.seat, room: this.#room(action.seat.room) })
      case 'exit': return this.#visitor(action.visitor).exit(this.#room(action.room))
      case 'publish':
        if (action.by === 'a backend') this.#publishByBackend(this.#room(action.room), action.bytes)
        else this.#visitor(action.by).publish(this.#room(action.room), this.#letter(action.bytes))
        return
      case 'abuse': {
        const { abuse, room, forMs } = action
        const userId = `${this.#parts.name}-abuser-${this.abusers.length}`
        this.abusers.push(userId)
        ledger.abuses.set(abuse, (ledger.abuses.get(abuse) ?? 0) + 1)
        this.#abuses.push(misbehave(abuse, { url: fleet.next().url, userId, room: this.#room(room), forMs }))
        return
      }
      case 'fault': {
        const { fault, slot, forMs } = action
        // One after the other, however long each takes.
        this.#faults = this.#faults.then(async () => {
          ledger.faults.set(fault, (ledger.faults.get(fault) ?? 0) + 1)
          await fleet.suffer(fault, { slot, forMs, book: ledger.deliveries })
        }).catch(error => { ledger.findings.note(`${fault}: ${String(error)}`) })
        return
      }
      default: action satisfies never
    }
  }

  #publishByBackend (room: string, bytes: number): Promise<Place | undefined> {
    const letter = this.#letter(bytes)
    return this.#parts.ledger.publishes.settle(room, letter.id, key => post(this.#parts.fleet.next(), room, letter, key))
  }

  #letter (bytes: number): Letter {
    return { id: ++this.#lastId, pad: '.'.repeat(bytes) }
  }

  #room (index: number): string {
    return `${this.#parts.name}:${index}`
  }

  #visitor (index: number): Visitor {
    const visitor = this.visitors[index]
    if (visitor === undefined) throw new Error(`there is no visitor ${index}`)
    return visitor
  }
}

async function post (node: ServerProcess, room: string, letter: Letter, key: string): Promise<Answer> {
  // A node that is killed, or stopped for long, leaves the question open.
  const answer = await node.publish({ room, data: letter, key }).catch(() => undefined)
  if (answer === undefined || answer.body['code'] === 'outcome_unknown') return { kind: 'unknown' }
  const [place] = answer.body['publications'] as [Place?] | undefined ?? []
  if (answer.status === 200 && place !== undefined) return { kind: 'published', place }
  if (answer.status === 503) return { kind: 'refused' }
  throw new Error(`${node.name} answered ${answer.status}: ${answer.text}`)
}
