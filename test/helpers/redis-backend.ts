import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Logger } from '../../src/core/logger.ts'
import { ClusterShards } from '../../src/redis/cluster-shards.ts'
import { RedisBroker } from '../../src/redis/redis-broker.ts'
import { RedisKeys } from '../../src/redis/redis-keys.ts'
import { RedisPresence } from '../../src/redis/redis-presence.ts'
import { RedisRevocations } from '../../src/redis/redis-revocations.ts'
import type { Shards } from '../../src/redis/shards.ts'
import { SingleShard } from '../../src/redis/single-shard.ts'
import { suiteHistoryOf } from '../conformance/broker-suite/history-policy.ts'
import { RedisCluster } from './redis-cluster.ts'
import type { RedisServer } from './redis-server.ts'
import { until } from './until.ts'

/** A name of its own for each test, so that tests that share a Redis never meet. */
export function randomPrefix (): string {
  return `test-${randomUUID()}`
}

const LOG: Logger = { debug () {}, info () {}, warn () {}, error () {} }
const DEFAULTS = { timeoutMs: 2_000, leaseMs: 10_000 }

export interface RedisNodeOptions {
  readonly prefix: string
  readonly timeoutMs?: number
  readonly leaseMs?: number
  /** Revocations that may be kept. */
  readonly most?: number
}

/** What one node has of Redis, built as the application builds it: the one place that knows the constructors. */
export class RedisNode {
  readonly keys: RedisKeys
  readonly broker: RedisBroker
  readonly store: RedisPresence
  readonly revocations: RedisRevocations
  readonly shards: Shards

  private constructor (shards: Shards, { prefix, most, ...limits }: RedisNodeOptions) {
    const { timeoutMs, leaseMs } = { ...DEFAULTS, ...limits }
    this.shards = shards
    this.keys = new RedisKeys({ prefix, db: 0 })
    const shared = { shards, keys: this.keys, timeoutMs }
    this.broker = new RedisBroker({ ...shared, historyOf: suiteHistoryOf, log: LOG })
    this.store = new RedisPresence({ ...shared, leaseMs })
    this.revocations = new RedisRevocations({ ...shared, ...most !== undefined && { most } })
  }

  static async connect (t: Pick<Test, 'after'>, redis: RedisServer | RedisCluster, options: RedisNodeOptions): Promise<RedisNode> {
    const shards = await connect(redis)
    t.after(() => shards.close())
    const node = new RedisNode(shards, options)
    t.after(async () => {
      await node.broker.close()
      await node.store.close()
      await node.revocations.close()
    })
    return node
  }

  /** The present on Redis' clock. */
  async now (): Promise<number> {
    const { clock } = this.shards.of(this.keys.leases())
    await clock.sync()
    return clock.now()
  }

  /** Waits until so much has passed on Redis' clock, which cannot be moved. */
  async pass (ms: number): Promise<void> {
    const end = await this.now() + ms
    await until(`${ms} ms on Redis' clock`, true, async () => await this.now() >= end, ms + 3_000)
  }
}

function connect (redis: RedisServer | RedisCluster): Promise<Shards> {
  if (redis instanceof RedisCluster) {
    const nodes = redis.masters.map(({ port }) => ({ host: '127.0.0.1', port }))
    return ClusterShards.connect({ target: { url: 'redis://cluster', nodes }, log: LOG })
  }
  return SingleShard.connect({ target: { url: redis.url }, log: LOG })
}
