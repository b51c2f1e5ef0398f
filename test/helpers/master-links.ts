import type { Test } from 'tap'
import { startLink, type FaultyLink } from './faulty-link.ts'
import { lastingPort } from './free-port.ts'
import type { RedisCluster } from './redis-cluster.ts'
import type { RedisServer } from './redis-server.ts'

/** The ways to the masters of a Redis Cluster: where it says that they are. */
export class MasterLinks {
  readonly #test: Pick<Test, 'after'>
  readonly #redisCluster: RedisCluster
  readonly #links = new Map<RedisServer, FaultyLink>()

  constructor (t: Pick<Test, 'after'>, redisCluster: RedisCluster) {
    this.#test = t
    this.#redisCluster = redisCluster
  }

  async start (): Promise<void> {
    await Promise.all(this.#redisCluster.masters.map(master => this.moveHouse(master)))
  }

  all (): FaultyLink[] { return [...this.#links.values()] }

  /** The way to a master. */
  to (master: RedisServer): FaultyLink {
    const link = this.#links.get(master)
    if (link === undefined) throw new Error('there is no link to it')
    return link
  }

  /** Gives a master another address, behind a link of its own; the old one still leads there. */
  async moveHouse (master: RedisServer, link?: FaultyLink): Promise<void> {
    // It may be closed, and opened again.
    const anew = link ?? await startLink(this.#test, master.port, await lastingPort())
    await this.#redisCluster.announce(master, anew.port)
    this.#links.set(master, anew)
  }
}
