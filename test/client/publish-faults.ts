import type { Published, RoomcastClient, RoomHandle } from '../../client/index.ts'
import type { Cluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { within } from '../helpers/within.ts'
import { nextState } from './library-client.ts'
import { portOf, type TcpProxy } from './tcp-proxy.ts'

const MAX_IN_FLIGHT = 12
const MAX_TURNS = 60
const FAULT_MS = 15_000

export type Random = (below: number) => number

/** Numbers that look random, the same ones for the same seed. */
export function randomFrom (seed: number): Random {
  let state = seed
  return below => {
    // A linear congruential generator (Numerical Recipes).
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor(state / 2 ** 32 * below)
  }
}

export interface FaultsParts {
  readonly proxy: TcpProxy
  readonly client: RoomcastClient
  readonly room: RoomHandle<number>
  readonly cluster: Cluster
  readonly random: Random
}

const moments = ['at once', 'some turns later', 'when some are answered', 'when some are published and none is answered', 'when the node stands still'] as const

/** Ways to lose a connection while publishes are in flight. Each ends with the client back, at whichever node. */
export class Faults {
  readonly #parts: FaultsParts
  readonly #counts = new Map<string, number>()
  #node: ServerProcess

  /** The client is at the first node of the cluster. */
  constructor (parts: FaultsParts) {
    this.#parts = parts
    this.#node = parts.cluster.pair()[0]
  }

  /** How often each came. */
  get summary (): string { return Array.from(this.#counts, ([moment, count]) => `${count} ${moment}`).join(', ') }

  /**
   * Publishes some, cuts the connection at some moment, publishes some more, and lets the client through again.
   * @param promises of all publishes, to which `publish` adds one
   */
  async next (promises: ReadonlyArray<Promise<Published>>, publish: () => void): Promise<void> {
    const { proxy, client, cluster, random } = this.#parts
    const moment = moments[random(moments.length)] ?? 'at once'
    this.#counts.set(moment, (this.#counts.get(moment) ?? 0) + 1)
    const [before, node] = [promises.length, this.#node]
    if (moment === 'when the node stands still') cluster.pause(node)
    if (moment === 'when some are published and none is answered') proxy.hush()
    for (let count = 1 + random(MAX_IN_FLIGHT); count > 0; count--) publish()
    const some = before + 1 + random(promises.length - before)

    if (moment === 'some turns later') await turns(random(MAX_TURNS))
    if (moment === 'when some are answered') await within('answers', FAULT_MS, Promise.all(promises.slice(0, some)))
    if (moment === 'when some are published and none is answered') await this.#isPublished(some)
    const [away, back] = [nextState(client, 'waiting'), nextState(client, 'open')]
    proxy.cut()
    await away
    for (let count = random(3); count > 0; count--) publish()
    this.#node = cluster.nodes.find(other => random(2) === 0 && other !== node) ?? node
    if (moment !== 'when the node stands still') {
      proxy.heal(portOf(this.#node.url))
    } else if (this.#node === node) {
      cluster.resume(node)
      proxy.heal(portOf(node.url))
    } else {
      proxy.heal(portOf(this.#node.url))
      // Now both handle the same publishes.
      if (random(2) === 0) await turns(random(MAX_TURNS))
      else await back
      cluster.resume(node)
    }
    await back
  }

  /** Waits until so many are in the room, as another node sees it. */
  async #isPublished (count: number): Promise<void> {
    const { room, cluster } = this.#parts
    const path = `/rooms/${room.name}/history?limit=1&reverse=true`
    const [, other] = cluster.pair()
    await until('publications', true, async () => Number((await other.get(path)).body['offset']) >= count, FAULT_MS)
  }
}

async function turns (count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => { setImmediate(resolve) })
}
