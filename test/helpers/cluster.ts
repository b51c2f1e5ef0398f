import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Frame, TestClient } from './client.ts'
import { CONTROL_ROOM } from '../../src/core/names.ts'
import { RedisKeys } from '../../src/redis/redis-keys.ts'
import { startRedis, type RedisServer } from './redis-server.ts'
import { launchServer, type Environment, type Exit, type ServerProcess } from './server-process.ts'
import { until } from './until.ts'

export interface ClusterOptions {
  readonly nodes?: number
  readonly env?: Environment
  /** A Redis that is shared with another cluster; otherwise the cluster has its own. */
  readonly redis?: RedisServer
}

/** Real server processes on a real Redis, under a key prefix of their own. Faults are its verbs. */
export class Cluster {
  readonly redis: RedisServer
  readonly prefix: string
  /** What this cluster's keys are called. */
  readonly keys: RedisKeys
  readonly nodes: ServerProcess[] = []
  readonly #t: Pick<Test, 'after'>
  readonly #env: Environment

  constructor (t: Pick<Test, 'after'>, redis: RedisServer, env: Environment) {
    this.#t = t
    this.redis = redis
    this.prefix = env['KEY_PREFIX'] ?? `test-${randomUUID()}`
    this.keys = new RedisKeys({ prefix: this.prefix, db: 0 })
    this.#env = { REDIS_URL: redis.url, ...env, KEY_PREFIX: this.prefix }
  }

  /** Starts one more node and waits until it is ready. */
  async start (env: Environment = {}): Promise<ServerProcess> {
    const node = await launchServer(this.#t, { name: `node-${this.nodes.length + 1}`, env: { ...this.#env, ...env } })
    this.nodes.push(node)
    return node.ready()
  }

  /** The first two nodes. */
  pair (): [ServerProcess, ServerProcess] {
    const [first, second] = this.nodes
    if (first === undefined || second === undefined) throw new Error('the cluster has fewer than two nodes')
    return [first, second]
  }

  /** Kills a node as a crash would: nothing of it runs any more. */
  kill (node: ServerProcess): Promise<Exit> {
    return this.#end(node, 'SIGKILL')
  }

  /** Ends a node as an operator would, and waits until the process is gone. */
  terminate (node: ServerProcess): Promise<Exit> {
    return this.#end(node, 'SIGTERM')
  }

  /** Stops a node in its tracks, its sockets open. */
  pause (node: ServerProcess): void {
    node.signal('SIGSTOP')
  }

  resume (node: ServerProcess): void {
    node.signal('SIGCONT')
  }

  /** Redis channels of rooms that connections of this cluster are in, and whose name holds a text. Nodes talk in one of their own. */
  async channels (text = ''): Promise<string[]> {
    const names = await this.redis.command('PUBSUB', 'CHANNELS', `*${this.prefix}*`) as string[]
    return names.filter(name => name.includes(text) && name !== this.keys.roomChannel(CONTROL_ROOM)).sort()
  }

  /** Names of the keys that this cluster has in Redis and that hold a text. */
  async keysIn (text = ''): Promise<string[]> {
    const names = await this.redis.command('KEYS', `${this.prefix}:*`) as string[]
    return names.filter(name => name.includes(text)).sort()
  }

  /** Which node sweeps which dead one, by their ids. */
  async claims (): Promise<Record<string, string>> {
    const words = await this.redis.command('HGETALL', this.keys.claims()) as string[]
    const claims: Record<string, string> = {}
    for (let i = 0; i + 1 < words.length; i += 2) claims[String(words[i])] = String(words[i + 1])
    return claims
  }

  /** Waits until nothing is left of a dead node. */
  async isSwept (nodeId: string, ms: number): Promise<void> {
    await until(`${nodeId} is swept`, { keys: [], claims: {} }, async () => ({
      keys: await this.keysIn(nodeId), claims: await this.claims()
    }), ms)
  }

  #end (node: ServerProcess, signal: NodeJS.Signals): Promise<Exit> {
    const since = performance.now()
    node.signal(signal)
    return node.exit(undefined, since)
  }
}

/** The id under which the node of a connection has registered it. */
export async function nodeIdOf (asked: ServerProcess, { welcome: { userId, connectionId } }: TestClient): Promise<string> {
  const record = (await asked.presence(userId)).connections.find(one => one.connectionId === connectionId)
  if (record === undefined) throw new Error(`${userId} has no record of ${connectionId}`)
  return record.nodeId
}

/** Starts a Redis and some nodes on it. What they leave behind goes with them. */
export async function startCluster (t: Pick<Test, 'after'>, { nodes = 2, env = {}, redis }: ClusterOptions = {}): Promise<Cluster> {
  const cluster = new Cluster(t, redis ?? await startRedis(t), env)
  for (let count = 0; count < nodes; count++) await cluster.start()
  return cluster
}

/**
 * The barrier: everything that clients received before a publication that reaches them all, and that is published now. What
 * was published before it and is not in the answer was not delivered.
 */
export async function receivedBy (publisher: ServerProcess, clients: readonly TestClient[]): Promise<Frame[][]> {
  const mark = `barrier ${randomUUID()}`
  const { status, text } = await publisher.publish({ everyone: true, data: mark })
  if (status !== 200) throw new Error(`the barrier could not be published: ${status} ${text}`)
  return Promise.all(clients.map(client => receivedBefore(mark, client)))
}

async function receivedBefore (mark: string, client: TestClient): Promise<Frame[]> {
  const received: Frame[] = []
  for (;;) {
    const frame = await client.inbox.next(mark)
    if (frame.type === 'message' && frame.data === mark) break
    received.push(frame)
  }
  await client.catchUp()
  return [...received, ...client.inbox.drain()]
}
