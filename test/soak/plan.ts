import { Dice } from '../fuzz/dice.ts'

/** A room that a visitor is in, and whether it is told who else is there. */
export interface Seat {
  readonly room: number
  readonly isWatching: boolean
}

export const abuses = ['half a handshake', 'bytes that are no frame', 'text that is no JSON', 'a flood', 'a deaf reader'] as const
export const faults = [
  'a node killed', 'a node ended', 'a node stopped', 'Redis stopped', 'Redis restarted', 'Redis emptied', 'subscriber links cut', 'publisher links cut', 'scripts flushed'
] as const

export type Abuse = typeof abuses[number]
export type Fault = typeof faults[number]

export type Action =
  | { readonly kind: 'come', readonly visitor: number, readonly seats: readonly Seat[] }
  | { readonly kind: 'go', readonly visitor: number, readonly how: 'close' | 'reset' }
  | { readonly kind: 'cut', readonly visitor: number }
  | { readonly kind: 'enter', readonly visitor: number, readonly seat: Seat }
  | { readonly kind: 'exit', readonly visitor: number, readonly room: number }
  | { readonly kind: 'publish', readonly room: number, readonly bytes: number, readonly by: number | 'a backend' }
  | { readonly kind: 'abuse', readonly abuse: Abuse, readonly room: number, readonly forMs: number }
  | { readonly kind: 'fault', readonly fault: Fault, readonly slot: number, readonly forMs: number }

/** What is done, and when, in milliseconds since the start. */
export type Step = Action & { readonly atMs: number }

export interface PlanOptions {
  readonly seed: number
  /** One seed has several plans. */
  readonly number: number
  readonly durationMs: number
  readonly connections: number
  /** How long the first of them take to come. */
  readonly rampMs: number
  /** Dealt over and over, shuffled each time; none where it is empty. */
  readonly faults: readonly Fault[]
  /** From one fault to the next, at least. */
  readonly faultEveryMs: number
  readonly nodes: number
  readonly publishesPerSecond: number
}

const TICK_MS = 50
const SEATS = 2
/** So many connections share a room. */
const CROWD = 40
const BACK_MS = [500, 3_000] as const
const ABUSE_MS = [500, 8_000] as const
const MIN_ABUSES_PER_SECOND = 0.5
/** Everyone is back before a plan ends. */
const QUIET_MS = 1_000

/** How long a fault lasts, in milliseconds. A node that is stopped for long has lost its lease, one that is stopped briefly has not. */
const durations: Readonly<Record<Fault, readonly [number, number]>> = {
  'a node killed': [500, 6_000],
  'a node ended': [0, 1_000],
  'a node stopped': [1_000, 14_000],
  'Redis stopped': [1_000, 8_000],
  'Redis restarted': [0, 4_000],
  'Redis emptied': [0, 4_000],
  'subscriber links cut': [0, 0],
  'publisher links cut': [0, 0],
  'scripts flushed': [0, 0]
}

/** How many rooms so many connections share. */
export function roomsFor (connections: number): number {
  return Math.max(SEATS + 1, Math.round(connections * SEATS / CROWD))
}

/** What is done in a soak, to whom and when: the same for the same options, whatever becomes of it. */
export function * makePlan (options: PlanOptions): Generator<Step> {
  const plan = new Plan(options)
  for (let atMs = 0; atMs < options.durationMs; atMs += TICK_MS) for (const action of plan.tick(atMs)) yield { ...action, atMs }
}

class Plan {
  readonly #options: PlanOptions
  readonly #dice: Dice
  readonly #rooms: number
  readonly #seats = new Map<number, Map<number, Seat>>()
  readonly #present: number[] = []
  /** Who comes, and when. */
  readonly #away: Array<{ readonly visitor: number, readonly atMs: number }>
  readonly #deck: Fault[] = []
  #nextFaultMs: number

  constructor (options: PlanOptions) {
    const { seed, number, connections, rampMs, faultEveryMs } = options
    this.#options = options
    this.#dice = new Dice(seed, number)
    this.#rooms = roomsFor(connections)
    this.#away = Array.from({ length: connections }, (_, visitor) => ({ visitor, atMs: rampMs * visitor / connections }))
    this.#nextFaultMs = rampMs + faultEveryMs / 2
  }

  * tick (atMs: number): Generator<Action> {
    const { connections, durationMs, publishesPerSecond, rampMs } = this.#options
    yield * this.#comings(atMs)
    for (let count = this.#count(publishesPerSecond); count > 0; count--) yield this.#publish()
    if (atMs < rampMs || atMs > durationMs - BACK_MS[1] - QUIET_MS) return
    for (let count = this.#count(connections / 400); count > 0; count--) yield * this.#go(atMs)
    for (let count = this.#count(connections / 200); count > 0; count--) yield { kind: 'cut', visitor: this.#dice.pick(this.#present) }
    for (let count = this.#count(connections / 400); count > 0; count--) yield * this.#move()
    for (let count = this.#count(Math.max(MIN_ABUSES_PER_SECOND, connections / 1_000)); count > 0; count--) yield this.#abuse()
    yield * this.#fault(atMs)
  }

  /** How many of what comes so many times a second come in this tick. */
  #count (perSecond: number): number {
    const share = perSecond * TICK_MS / 1_000
    return Math.floor(share) + (this.#dice.percent(100 * (share % 1)) ? 1 : 0)
  }

  * #comings (atMs: number): Generator<Action> {
    for (let index = 0; index < this.#away.length;) {
      const one = this.#away[index]
      if (one === undefined || one.atMs > atMs) {
        index++
        continue
      }
      this.#away.splice(index, 1)
      const seats = new Map<number, Seat>()
      while (seats.size < SEATS) {
        const seat = this.#seat()
        seats.set(seat.room, seat)
      }
      this.#seats.set(one.visitor, seats)
      this.#present.push(one.visitor)
      yield { kind: 'come', visitor: one.visitor, seats: [...seats.values()] }
    }
  }

  * #go (atMs: number): Generator<Action> {
    if (this.#present.length <= this.#options.connections / 2) return
    const index = this.#dice.int(0, this.#present.length - 1)
    const [visitor] = this.#present.splice(index, 1)
    if (visitor === undefined) return
    this.#seats.delete(visitor)
    this.#away.push({ visitor, atMs: atMs + this.#dice.int(...BACK_MS) })
    yield { kind: 'go', visitor, how: this.#dice.percent(50) ? 'close' : 'reset' }
  }

  * #move (): Generator<Action> {
    const visitor = this.#dice.pick(this.#present)
    const seats = this.#seats.get(visitor)
    if (seats === undefined) return
    const room = this.#dice.pick([...seats.keys()])
    const seat = this.#seat()
    if (seats.has(seat.room) && seat.room !== room) return
    seats.delete(room)
    seats.set(seat.room, seat)
    yield { kind: 'exit', visitor, room }
    yield { kind: 'enter', visitor, seat }
  }

  #publish (): Action {
    const by = this.#present.length === 0 || this.#dice.percent(25) ? 'a backend' : this.#dice.pick(this.#present)
    return { kind: 'publish', room: this.#room(), bytes: this.#dice.int(0, 300), by }
  }

  #abuse (): Action {
    return { kind: 'abuse', abuse: this.#dice.pick(abuses), room: this.#room(), forMs: this.#dice.int(...ABUSE_MS) }
  }

  * #fault (atMs: number): Generator<Action> {
    const { faults, faultEveryMs, nodes } = this.#options
    if (faults.length === 0 || atMs < this.#nextFaultMs) return
    if (this.#deck.length === 0) this.#deck.push(...this.#shuffled(faults))
    const fault = this.#deck.pop()
    if (fault === undefined) return
    const forMs = this.#dice.int(...durations[fault])
    this.#nextFaultMs = atMs + forMs + this.#dice.int(faultEveryMs, 2 * faultEveryMs)
    // The first node lives through it all: it is the one on which what is left behind adds up.
    yield { kind: 'fault', fault, slot: this.#dice.int(fault === 'a node stopped' ? 0 : 1, nodes - 1), forMs }
  }

  #shuffled<T> (list: readonly T[]): T[] {
    const left = [...list]
    return list.flatMap(() => left.splice(this.#dice.int(0, left.length - 1), 1))
  }

  #room (): number {
    return this.#dice.int(0, this.#rooms - 1)
  }

  #seat (): Seat {
    return { room: this.#room(), isWatching: this.#dice.percent(50) }
  }
}
