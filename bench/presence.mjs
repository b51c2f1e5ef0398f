// What presence costs: the heartbeat with few and with many entries, and the question who is online.
import { RedisKeys } from '../dist/src/redis/redis-keys.js'
import { RedisPresence } from '../dist/src/redis/redis-presence.js'
import { SingleShard } from '../dist/src/redis/single-shard.js'
import { percentile, printTable } from './lib/figures.mjs'
import { startNode, startRedis, stopAll } from './lib/processes.mjs'

const KEY = 'a-key-for-the-benchmark-of-presence'
const SIZES = [100, 100_000]
const HEARTBEATS = 500
const QUESTIONS = 5_000
const log = { debug () {}, info () {}, warn () {}, error () {} }

try {
  const redis = await startRedis()
  const shards = await SingleShard.connect({ target: { url: redis.url }, log })
  const { publisher } = shards.of()

  const heartbeats = [['entries', 'p50 ms', 'p99 ms', 'Redis CPU µs each']]
  for (const size of SIZES) {
    const store = new RedisPresence({
      shards, keys: new RedisKeys({ prefix: `bench-${size}`, db: 0 }), leaseMs: 600_000, timeoutMs: 2_000
    })
    const node = { nodeId: 'bench', nodeName: 'bench' }
    const report = { version: 'bench', startedAt: Date.now(), connections: size, rooms: 0 }
    await store.takeLease(node, report)
    await fill(store, node, size)
    const before = await scriptMicroseconds(publisher)
    const samples = await sample(HEARTBEATS, () => store.renewLease(node, report))
    const each = (await scriptMicroseconds(publisher) - before) / HEARTBEATS
    heartbeats.push([size, percentile(samples, 50).toFixed(3), percentile(samples, 99).toFixed(3), each.toFixed(1)])
  }
  printTable(`A heartbeat (${HEARTBEATS} of each)`, heartbeats)

  const { address } = await startNode({
    REDIS_URL: redis.url, KEY_PREFIX: `bench-${SIZES.at(-1)}`, JWT_SECRET: 'a-secret-for-the-benchmark-of-presence', API_KEYS: `bench:${KEY}`
  })
  const ask = async userId => {
    const response = await fetch(`${address}/presence/${userId}`, { headers: { authorization: `Bearer ${KEY}` } })
    const { online } = await response.json()
    if (!online) throw new Error(`${userId} should be online`)
  }
  await sample(500, () => ask(randomUser(SIZES.at(-1))))
  const samples = await sample(QUESTIONS, () => ask(randomUser(SIZES.at(-1))))
  printTable(`GET /presence/:userId among ${SIZES.at(-1)} (${QUESTIONS} one after the other, over loopback)`, [
    ['p50 ms', 'p99 ms', 'worst ms'],
    [percentile(samples, 50).toFixed(2), percentile(samples, 99).toFixed(2), percentile(samples, 100).toFixed(2)]
  ])
  await shards.close()
} finally {
  await stopAll()
}

async function fill (store, node, size) {
  const connectedAt = Date.now()
  for (let start = 0; start < size; start += 1_000) {
    await Promise.all(Array.from({ length: Math.min(1_000, size - start) }, (_, index) => store.register(node, {
      kind: 'connection', connectionId: `c${start + index}`, userId: `u${start + index}`, connectedAt, transport: 'websocket', info: null
    })))
  }
}

async function sample (count, act) {
  const samples = []
  for (let i = 0; i < count; i++) {
    const since = performance.now()
    await act()
    samples.push(performance.now() - since)
  }
  return samples
}

/** CPU time that Redis has spent in scripts. */
async function scriptMicroseconds (client) {
  const stats = await client.info('commandstats')
  return Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(stats)?.[1] ?? 0)
}

function randomUser (size) {
  return `u${Math.floor(Math.random() * size)}`
}
