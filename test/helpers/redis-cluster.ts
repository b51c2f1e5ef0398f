import type { Test } from 'tap'
import { SLOTS, slotOf } from '../../src/redis/slot-map.ts'
import { startRedis, type RedisServer } from './redis-server.ts'
import { until } from './until.ts'

const MASTERS = 3
/** They tell each other once a second who has which slots; the rest is for a busy machine. */
const GOSSIP_MS = 20_000
const KEYS_AT_ONCE = '100'
const MIGRATION_TIMEOUT_MS = '5000'

/** A real Redis Cluster: three masters that share the slots, each with a replica if asked for. Its faults are verbs. */
export class RedisCluster {
  readonly masters: readonly RedisServer[]
  readonly replicas: readonly RedisServer[]

  constructor ({ masters, replicas }: Pick<RedisCluster, 'masters' | 'replicas'>) {
    this.masters = masters
    this.replicas = replicas
  }

  /** What a node must be told to find it; one of its nodes is enough. */
  get env (): Record<string, string> {
    return { REDIS_URL: '', REDIS_CLUSTER_NODES: this.addresses.slice(0, 2).join(',') }
  }

  get addresses (): string[] { return this.masters.map(({ port }) => `127.0.0.1:${port}`) }

  /** The master that began with the slot of a key, and its replica. */
  placeOf (key: string): { readonly master: RedisServer, readonly replica: RedisServer | undefined } {
    const index = Math.floor(slotOf(key) / Math.ceil(SLOTS / MASTERS))
    const master = this.masters[index]
    if (master === undefined) throw new Error(`nobody has the slot of ${key}`)
    return { master, replica: this.replicas[index] }
  }

  /**
   * Moves a slot from a master to another with all that it holds, as `redis-cli --cluster reshard` does.
   * @param meanwhile what happens when all of it is there, and the slot is not yet
   */
  async moveSlot (slot: number, from: RedisServer, to: RedisServer, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const [fromId, toId] = [await idOf(from), await idOf(to)]
    await to.command('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', fromId)
    await from.command('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', toId)
    for (;;) {
      const keys = await from.command('CLUSTER', 'GETKEYSINSLOT', `${slot}`, KEYS_AT_ONCE) as string[]
      if (keys.length === 0) break
      await from.command('MIGRATE', '127.0.0.1', `${to.port}`, '', '0', MIGRATION_TIMEOUT_MS, 'KEYS', ...keys)
    }
    await meanwhile()
    for (const redis of [to, from]) await redis.command('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', toId)
  }

  /** Lets a master be found at another port, as where it got a new address; resolves when all say so. */
  async announce (master: RedisServer, port: number): Promise<void> {
    await master.command('CONFIG', 'SET', 'cluster-announce-port', `${port}`)
    const id = await idOf(master)
    for (const redis of this.masters) {
      // They would tell each other within a second; who is introduced again looks at once.
      if (redis !== master) await meet(redis, master, port)
      await until('where a master is', port, async () => {
        const line = String(await redis.command('CLUSTER', 'NODES')).split('\n').find(one => one.startsWith(id))
        return Number(/:(\d+)@/.exec(line ?? '')?.[1])
      }, GOSSIP_MS)
    }
  }

  /** Makes a replica the master, both alive. */
  async failOver (replica: RedisServer): Promise<void> {
    await replica.command('CLUSTER', 'FAILOVER')
  }

  /** Waits until those that live agree that a replica has become a master. */
  async isMaster (replica: RedisServer): Promise<void> {
    const id = await idOf(replica)
    for (const redis of [...this.masters, ...this.replicas].filter(({ isRunning }) => isRunning)) {
      await until('who is a master', true, async () => {
        const line = (String(await redis.command('CLUSTER', 'NODES'))).split('\n').find(one => one.startsWith(id))
        return line !== undefined && /master/.test(line) && (await fact(redis, 'cluster_state')) === 'ok'
      }, GOSSIP_MS)
    }
  }
}

/** Starts one; it goes with the test. */
export async function startRedisCluster (t: Pick<Test, 'after'>, { replicas: withReplicas }: { readonly replicas: 'none' | 'one each' }): Promise<RedisCluster> {
  const start = (): Promise<RedisServer[]> => Promise.all(Array.from({ length: MASTERS }, () => startRedis(t, { cluster: 'part' })))
  const masters = await start()
  const replicas = withReplicas === 'none' ? [] : await start()
  const all = [...masters, ...replicas]
  const size = Math.ceil(SLOTS / MASTERS)
  for (const [index, redis] of masters.entries()) {
    await redis.command('CLUSTER', 'ADDSLOTSRANGE', `${index * size}`, `${Math.min((index + 1) * size, SLOTS) - 1}`)
    // Two that call themselves the newest have to find out first who is.
    await redis.command('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`)
  }
  const [first] = masters
  for (const redis of all) {
    if (first !== undefined && redis !== first) await meet(first, redis)
  }
  for (const redis of all) await until('how many it knows', `${all.length}`, () => fact(redis, 'cluster_known_nodes'), GOSSIP_MS)
  for (const [index, replica] of replicas.entries()) await replica.command('CLUSTER', 'REPLICATE', await idOf(masters[index] ?? replica))
  for (const redis of all) {
    await until('the size of the Redis Cluster', `${MASTERS}`, () => fact(redis, 'cluster_size'), GOSSIP_MS)
    await until('its state', 'ok', () => fact(redis, 'cluster_state'), GOSSIP_MS)
  }
  for (const replica of replicas) {
    await until('the link to its master', true, async () => String(await replica.command('INFO', 'replication')).includes('master_link_status:up'), GOSSIP_MS)
  }
  return new RedisCluster({ masters, replicas })
}

async function meet (redis: RedisServer, other: RedisServer, port = other.port): Promise<void> {
  const [, busPort = ''] = await other.command('CONFIG', 'GET', 'cluster-port') as string[]
  await redis.command('CLUSTER', 'MEET', '127.0.0.1', `${port}`, busPort)
}

async function fact (redis: RedisServer, name: string): Promise<string | undefined> {
  return new RegExp(`${name}:(\\w+)`).exec(String(await redis.command('CLUSTER', 'INFO')))?.[1]
}

async function idOf (redis: RedisServer): Promise<string> {
  return String(await redis.command('CLUSTER', 'MYID'))
}
