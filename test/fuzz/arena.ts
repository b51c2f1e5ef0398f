import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { startCluster, type Cluster } from '../helpers/cluster.ts'
import { startServer, type Environment, type ServerProcess } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { checkCanary } from './canary.ts'
import { MAX_FRAME_BYTES } from './message-cases.ts'
import { Neighbours } from './neighbours.ts'
import { routesOf } from './routes.ts'
import { poolsWith, users, type World } from './world.ts'

/** Rates are not what is tested here; that rooms end is, and so is that what was published is soon forgotten. */
const env: Environment = {
  MAX_FRAME_BYTES: `${MAX_FRAME_BYTES}`,
  MAX_ROOMS_PER_CONNECTION: '8',
  MAX_FRAMES_PER_SECOND: '1000000',
  FRAME_BURST: '1000000',
  MAX_UPGRADES_PER_SECOND: '0',
  ROOMS: JSON.stringify([{ pattern: 'fuzz:*', history: { size: 20, ttlMs: 60_000 } }, { pattern: '*', history: { ttlMs: 20_000 } }])
}

/** A Node process logs as JSON; an error is 50, the end 60. What is no JSON is a warning of Node's own. */
const BAD_LINE = /^[^{]|"level":[56]0/

const EMPTIED_MS = 30_000

/** The servers on which the cases are played, and what must stay as it is there. */
export class Arena {
  readonly world: World
  readonly servers: readonly ServerProcess[]
  readonly neighbours: readonly Neighbours[]
  readonly rssAtStart: readonly number[]
  readonly #cluster: Cluster
  readonly #pids: readonly number[]
  readonly #channels: readonly string[]

  private constructor (parts: { world: World, servers: readonly ServerProcess[], neighbours: readonly Neighbours[], cluster: Cluster, channels: readonly string[], rss: readonly number[] }) {
    this.world = parts.world
    this.servers = parts.servers
    this.neighbours = parts.neighbours
    this.rssAtStart = parts.rss
    this.#cluster = parts.cluster
    this.#pids = parts.servers.map(({ pid }) => pid)
    this.#channels = parts.channels
  }

  /** Starts the embedded default and two nodes on one Redis, with neighbours on each. */
  static async open (t: Pick<Test, 'after'>): Promise<Arena> {
    const embedded = await startServer(t, { env })
    const cluster = await startCluster(t, { env })
    const [one, other] = cluster.pair()
    const servers = [embedded, one, other]
    const neighbours = [await Neighbours.join(t, embedded, embedded), await Neighbours.join(t, one, other), await Neighbours.join(t, other, one)]
    const epochs = await Promise.all(servers.map(server => epochOf(server)))
    const world = {
      servers: servers.length,
      routes: routesOf((await embedded.get('/docs/json')).body),
      pools: poolsWith({ epochs, connectionIds: neighbours.flatMap(({ connectionIds }) => connectionIds) })
    }
    return new Arena({ world, servers, neighbours, cluster, channels: await cluster.channels(), rss: await rssOf(servers) })
  }

  urlOf (server: number): string {
    const { url } = this.servers[server] ?? {}
    if (url === undefined) throw new Error(`there is no server ${server}`)
    return url
  }

  /** @throws Error that says what the cases until now did to the servers or to the neighbours */
  async check (): Promise<void> {
    for (const [index, server] of this.servers.entries()) {
      const lines = server.logs.splice(0).filter(line => BAD_LINE.test(line))
      if (lines.length > 0) throw new Error(`${server.name} logged ${lines.slice(0, 5).join('\n').slice(0, 5_000)}`)
      if (!server.isRunning || server.pid !== this.#pids[index]) throw new Error(`${server.name} is not the process that it was`)
      await checkCanary(server)
    }
    for (const pair of this.neighbours) await pair.check()
  }

  /** @throws Error that says what the cases left behind */
  async checkEmptied (): Promise<void> {
    for (const pair of this.neighbours) await pair.stop()
    for (const [index, server] of this.servers.entries()) {
      const rooms = (index === 0 ? this.neighbours.slice(0, 1) : this.neighbours.slice(1)).map(({ room }) => room).sort()
      await until(`rooms on ${server.name}`, rooms, async () => [...await server.rooms()].sort(), EMPTIED_MS)
      await until(`users on ${server.name}`, [], () => onlineUsers(server), EMPTIED_MS)
      for (const room of rooms) await until(`connections in ${room}`, { connections: 2, members: 2 }, () => server.occupancy(room))
    }
    await until('channels of Redis', this.#channels, () => this.#cluster.channels(), EMPTIED_MS)
    await this.check()
  }

  /** Resident memory of each server that still runs, in MB. */
  rss (): Promise<number[]> {
    return rssOf(this.servers)
  }
}

async function epochOf (server: ServerProcess): Promise<string> {
  const { body } = await server.publish({ room: 'fuzz:0', data: 'the first' })
  const [{ epoch } = {}] = body['publications'] as Array<{ epoch?: string }>
  if (epoch === undefined) throw new Error(`${server.name} gave no epoch`)
  return epoch
}

async function onlineUsers (server: ServerProcess): Promise<string[]> {
  const { body } = await server.post('/presence/query', JSON.stringify({ userIds: users }))
  return (body['users'] as Array<{ userId: string, online: boolean }>).filter(({ online }) => online).map(({ userId }) => userId)
}

async function rssOf (servers: readonly ServerProcess[]): Promise<number[]> {
  const run = promisify(execFile)
  const outputs = await Promise.all(servers.filter(({ isRunning }) => isRunning).map(({ pid }) => run('ps', ['-o', 'rss=', '-p', `${pid}`])))
  return outputs.map(({ stdout }) => Math.round(Number(stdout) / 1_024))
}
