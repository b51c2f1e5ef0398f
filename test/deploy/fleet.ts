import type { Test } from 'tap'
import { startCluster, type Cluster } from '../helpers/cluster.ts'
import { lastingPort } from '../helpers/free-port.ts'
import type { Environment, ServerProcess } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { startProxy, type ProxyOptions, type ProxyServer } from './proxy-server.ts'

const NODES = 3
const READY_MS = 10_000
const START_TRIES = 3

export interface Restart {
  /** When the node was told to end, in milliseconds since 1970. */
  readonly toldAt: number
  /** How it ended. */
  readonly code: number | null
  /** From the start of its successor until that was ready. */
  readonly startMs: number
}

/** Three nodes, each on a port that it keeps, behind a proxy. Made by `startFleet`. */
export class Fleet {
  readonly proxy: ProxyServer
  readonly #cluster: Cluster
  readonly #ports: readonly number[]
  readonly #nodes: ServerProcess[]

  constructor (proxy: ProxyServer, cluster: Cluster, ports: readonly number[]) {
    this.proxy = proxy
    this.#cluster = cluster
    this.#ports = ports
    this.#nodes = [...cluster.nodes]
  }

  /** The nodes that run. */
  get nodes (): readonly ServerProcess[] { return this.#nodes }

  /** Makes Redis answer nobody for a while, which holds up a shutdown whose frames wait for it. */
  async holdUp (ms: number): Promise<void> {
    await this.#cluster.redis.command('CLIENT', 'PAUSE', `${ms}`, 'ALL')
  }

  /** Restarts one node after the other, as deploy/README.md says: each is ready before the next is told to end. */
  async restartOneByOne (onRestarted: () => Promise<void>): Promise<Restart[]> {
    const restarts: Restart[] = []
    for (const [index, port] of this.#ports.entries()) {
      const node = this.#nodes[index]
      if (node === undefined) throw new Error(`there is no node on ${port}`)
      const toldAt = Date.now()
      const { code } = await this.#cluster.terminate(node)
      const since = performance.now()
      const successor = await this.#startOn(port)
      this.#nodes[index] = successor
      await until(`${successor.name} is ready`, 200, async () => (await successor.get('/ready')).status, READY_MS)
      restarts.push({ toldAt, code, startMs: performance.now() - since })
      await onRestarted()
    }
    return restarts
  }

  /** Starts a node as a supervisor does: again, if another test tried the port in that moment. */
  async #startOn (port: number): Promise<ServerProcess> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#cluster.start({ PORT: `${port}` })
      } catch (error) {
        if (tries === START_TRIES || !String(error).includes('EADDRINUSE')) throw error
      }
    }
  }
}

export interface FleetOptions extends Omit<ProxyOptions, 'nodes'> {
  readonly env?: Environment
  /** What only the last node is told. */
  readonly lastEnv?: Environment
}

/** Starts a Redis, three nodes and a proxy in front of them. They go with the test. */
export async function startFleet (t: Pick<Test, 'after'>, { env = {}, lastEnv = {}, ...proxy }: FleetOptions): Promise<Fleet> {
  const ports = await Promise.all(Array.from({ length: NODES }, lastingPort))
  const cluster = await startCluster(t, { nodes: 0, env: { TRUST_PROXY: '127.0.0.1', ...env } })
  await Promise.all(ports.map((port, index) => cluster.start({ PORT: `${port}`, NODE_NAME: `node-${index + 1}`, ...index === NODES - 1 && lastEnv })))
  return new Fleet(await startProxy(t, { ...proxy, nodes: ports }), cluster, ports)
}
