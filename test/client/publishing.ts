import { setTimeout as delay } from 'node:timers/promises'
import type { Position, RoomHandle } from '../../client/index.ts'
import { outcomeOf, publishTo, type Outcome } from '../helpers/outcomes.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { within } from '../helpers/within.ts'

/** Between two publications of one publisher: not more than two cores carry beside everything else. */
const PACE_MS = 5
const WAIT_MS = 20_000

/** Publishes to a room without a pause, over REST and by frames at once, each publisher one after the other, and keeps what became of it. */
export class Publishing {
  readonly outcomes: Outcome[] = []
  readonly #publishers: ReadonlyMap<string, (data: string) => Promise<Partial<Position>>>
  readonly #over = new AbortController()
  readonly #done: Promise<unknown>

  constructor (room: string, nodes: readonly ServerProcess[], handles: readonly RoomHandle[]) {
    this.#publishers = new Map<string, (data: string) => Promise<Partial<Position>>>([
      ...nodes.map(node => [`rest ${node.name}`, (data: string) => publishTo(node, room, data)] as const),
      ...handles.map((handle, index) => [`frame ${index}`, (data: string) => handle.publish(data)] as const)
    ])
    this.#done = Promise.all(Array.from(this.#publishers, ([name, publish]) => this.#run(name, publish)))
  }

  /** Where publications got to, under one epoch where one is named. */
  published (epoch?: string): Array<Position & { readonly data: string }> {
    return this.outcomes.flatMap(({ data, position }) => position === undefined || (epoch ?? position.epoch) !== position.epoch ? [] : [{ data, ...position }])
  }

  /** What was refused with a code. */
  refused (wanted: string): string[] {
    return this.outcomes.flatMap(({ data, code }) => code === wanted ? [data] : [])
  }

  /** Waits until every publisher had so many more outcomes of a kind. */
  async more (what: string, count: number, isMeant: (outcome: Outcome) => boolean): Promise<void> {
    const first = this.outcomes.length
    for (const name of this.#publishers.keys()) {
      const meant = (): number => this.outcomes.slice(first).filter(outcome => outcome.data.startsWith(`${name}: `) && isMeant(outcome)).length
      await until(`${count} publishes by ${name} that are ${what}`, true, () => meant() >= count, WAIT_MS)
    }
  }

  /** Ends it, and waits for the last answers. */
  async end (): Promise<void> {
    this.#over.abort()
    await within('last answers to the publishers', WAIT_MS, this.#done)
  }

  async #run (name: string, publish: (data: string) => Promise<Partial<Position>>): Promise<void> {
    for (let n = 1; !this.#over.signal.aborted; n++) {
      const data = `${name}: ${n}`
      this.outcomes.push(await outcomeOf(data, publish(data)))
      await delay(PACE_MS)
    }
  }
}
