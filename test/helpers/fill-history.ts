import { createId } from '../../src/core/ids.ts'
import type { HistoryPolicy } from '../../src/core/room-policies.ts'
import { publish } from '../../src/redis/publication-scripts.ts'
import { encodeRest } from '../../src/redis/redis-envelope.ts'
import { RETENTION_MS } from '../../src/redis/redis-keys.ts'
import type { Cluster } from './cluster.ts'

/** Publications in one call; Redis does nothing else meanwhile. */
const AT_ONCE = 1_000
const DEADLINE_MS = 60_000

/** Publishes many times in a room, each JSON text once and in order, by the nodes' own script but without a node, which is as fast as Redis is. */
export async function fillHistory ({ redis, keys }: Cluster, room: string, { size, ttlMs }: HistoryPolicy, texts: readonly string[]): Promise<void> {
  const run = /run_id:(\w+)/.exec(await redis.command('INFO', 'server') as string)?.[1] ?? ''
  for (let start = 0; start < texts.length; start += AT_ONCE) {
    const items = texts.slice(start, start + AT_ONCE).flatMap(data => [encodeRest({ room, data }), 'p'])
    const terms = [Date.now() + DEADLINE_MS, createId(), RETENTION_MS, keys.roomChannel(room), size, ttlMs, run, 0]
    await redis.command('EVAL', publish, '2', keys.roomEnd(room), keys.roomHistory(room), ...terms.map(String), ...items)
  }
}
