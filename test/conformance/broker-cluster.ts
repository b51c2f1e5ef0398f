import { randomUUID } from 'node:crypto'
import type { Broker } from '../../src/core/broker.ts'
import type { Publication, VolatilePublication } from '../../src/core/publication.ts'
import { within } from '../helpers/within.ts'

/** A broker answers in milliseconds; the rest is for a busy machine. */
export const WAIT_MS = 5_000

/** The answer of a broker, or a failure that says what was missing. */
export function answered<T> (what: string, answer: Promise<T>, ms = WAIT_MS): Promise<T> {
  return within(what, ms, answer)
}

/** A started broker, and everything that it has handed over since. */
export class BrokerNode {
  readonly broker: Broker
  /** Rooms whose history was forgotten. */
  readonly forgotten: string[] = []
  /** Volatile publications, in the order of their arrival. */
  readonly volatile: VolatilePublication[] = []
  /** The data of everything, volatile or not, in the order of its arrival. */
  readonly texts: string[] = []
  readonly #received = new Map<string, Publication[]>()
  #onArrival: () => void = () => {}

  constructor (broker: Broker) {
    this.broker = broker
  }

  async start (): Promise<void> {
    await this.broker.start({
      onPublication: publication => {
        const { room } = publication
        this.texts.push(Buffer.from(publication.data).toString())
        this.#received.set(room, [...this.of(room), publication])
        this.#onArrival()
      },
      onVolatile: publication => {
        this.texts.push(Buffer.from(publication.data).toString())
        this.volatile.push(publication)
      },
      onMemberEvent: () => {},
      onForget: room => { this.forgotten.push(room) },
      onResubscribed: () => {}
    })
  }

  /** What was handed over of a room, in the order of its arrival. */
  of (room: string): readonly Publication[] {
    return this.#received.get(room) ?? []
  }

  /** Everything that was handed over, whatever its room says; in order only within a room. */
  get received (): readonly Publication[] { return [...this.#received.values()].flat() }

  /** Waits for a number of publications of a room. One wait at a time. */
  async arrived (room: string, count: number): Promise<readonly Publication[]> {
    const enough = new Promise<void>(resolve => {
      this.#onArrival = () => { if (this.of(room).length >= count) resolve() }
      this.#onArrival()
    })
    try {
      await answered(`${count} publications in ${JSON.stringify(room)}`, enough)
    } catch (error) {
      throw new Error(`there were ${this.of(room).length} publications of ${count}`, { cause: error })
    }
    return this.of(room)
  }
}

/** The brokers of one to several nodes on the same backend. */
export class BrokerCluster {
  readonly nodes: readonly BrokerNode[]

  constructor (nodes: readonly BrokerNode[]) {
    this.nodes = nodes
  }

  /** A node, counted from 1. */
  node (number: number): BrokerNode {
    const node = this.nodes[number - 1]
    if (node === undefined) throw new Error(`there is no node ${number}`)
    return node
  }

  /**
   * All that a node gets of a room: waits until `count` have arrived, and then for a barrier from every node, behind which
   * nothing that was published before can still come.
   */
  async all (node: BrokerNode, room: string, count: number): Promise<readonly Publication[]> {
    if (count > 0) await node.arrived(room, count)
    await this.barrier(node)
    return node.of(room)
  }

  /** The same, only the payloads. */
  async texts (node: BrokerNode, room: string, count: number): Promise<string[]> {
    return (await this.all(node, room, count)).map(textOf)
  }

  async barrier (node: BrokerNode): Promise<void> {
    const room = `barrier ${randomUUID()}`
    await node.broker.subscribe(room)
    await Promise.all(this.nodes.map(({ broker }) => broker.publish({ room, data: '"barrier"' })))
    await node.arrived(room, this.nodes.length)
    await node.broker.check()
  }
}

export function textOf ({ data }: Publication): string {
  return Buffer.from(data).toString('utf8')
}
