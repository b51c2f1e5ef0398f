import { Redis } from 'ioredis'
import { isTimeout, withoutCommand } from './redis-calls.ts'
import { connectionOptions } from './redis-clients.ts'
import { describeTarget, nodeUrl, type ClusterTarget } from './redis-target.ts'
import type { Shard } from './shard.ts'
import { addressOf, parseSlots, type SlotMap } from './slot-map.ts'

/** How long the nodes that are named may take, so that a process without a Redis Cluster ends within five seconds. */
const SEEDS_TIMEOUT_MS = 2_000

/** What one node says, and how new that is. */
interface Told {
  readonly map: SlotMap
  readonly epoch: number
}

/** Asks all masters who has which slots, and takes the newest answer of those that have the majority with them; undefined if there is none. */
export async function learnSlots (shards: readonly Shard[]): Promise<SlotMap | undefined> {
  const answers = await Promise.all(shards.map(async ({ publisher }) => {
    if (publisher.status !== 'ready') return undefined
    return ask(publisher, String(publisher.options.host)).catch(error => {
      // A half-open link looks like this; a new connection is the cure.
      if (isTimeout(error)) publisher.disconnect(true)
      return undefined
    })
  }))
  let newest: Told | undefined
  for (const told of answers) if (told !== undefined && told.epoch > (newest?.epoch ?? -1)) newest = told
  return newest?.map
}

/**
 * Asks the nodes that the settings name, for who knows nobody yet, or has lost everybody.
 * @throws Error that names them, never the password, if none told within two seconds
 */
export async function learnSlotsFromSeeds ({ target, ca }: { readonly target: ClusterTarget, readonly ca?: string | undefined }): Promise<SlotMap> {
  const reasons = new Set<string>()
  const clients = target.nodes.map(({ host, port }) => {
    const options = { ...connectionOptions, ...ca !== undefined && { tls: { ca } }, retryStrategy: () => null, connectTimeout: SEEDS_TIMEOUT_MS }
    const client = new Redis(nodeUrl(target.url, addressOf(host, port)), { ...options, connectionName: 'roomcast-seed' })
    client.on('error', (error: Error) => { reasons.add(withoutCommand(error).message) })
    return { client, host }
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Error('no answer')) }, SEEDS_TIMEOUT_MS) })
  try {
    const first = Promise.any(clients.map(async ({ client, host }) => {
      await client.connect()
      return (await ask(client, host)).map
    }))
    return await Promise.race([first, late])
  } catch (cause) {
    for (const error of cause instanceof AggregateError ? cause.errors as Error[] : []) if (error.name === 'ReplyError') reasons.add(error.message)
    const why = reasons.size === 0 ? 'no answer' : [...reasons].join(', ')
    throw new Error(`Redis Cluster at ${describeTarget(target)} was not ready within ${SEEDS_TIMEOUT_MS} ms: ${why}`, { cause })
  } finally {
    clearTimeout(timer)
    for (const { client } of clients) client.disconnect()
  }
}

/** @throws Error if it does not tell, or is not in touch with the majority */
async function ask (client: Redis, host: string): Promise<Told> {
  const [info, slots] = await Promise.all([client.cluster('INFO'), client.cluster('SLOTS')])
  if (!info.includes('cluster_state:ok')) throw new Error('the Redis Cluster is down, or this node has lost it')
  return { map: parseSlots(slots, host), epoch: Number(/cluster_current_epoch:(\d+)/.exec(info)?.[1]) }
}
