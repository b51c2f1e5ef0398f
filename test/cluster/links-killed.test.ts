import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { outcomeOf, publishTo } from '../helpers/outcomes.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const KILLING_MS = 10_000
const KILL_EVERY_MS = 100
const RETURN_MS = 15_000

/** How often each complaint (warnings and worse) stands in a log. */
function complaints ({ logs }: ServerProcess): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const line of logs) {
    const [, level = '60', message = line] = /^\{"level":(\d\d).*"msg":"([^"]*)"\}$/.exec(line) ?? []
    if (Number(level) >= 40) counts[message] = (counts[message] ?? 0) + 1
  }
  return counts
}

// socketio/socket.io-redis-adapter#21: an error event on an object to which nobody listened.
t.test('P44: links to Redis that are killed ten times a second, and a Redis that is killed under load, end no process and flood no log', async t => {
  const cluster = await startCluster(t)
  const { redis, nodes } = cluster
  const pids = nodes.map(({ pid }) => pid)
  const clients = await Promise.all(nodes.map(node => connect(t, { url: node.wsUrl, token: memberToken('alice') })))
  for (const client of clients) await client.subscribe('lobby')
  const over = new AbortController()
  let refused = 0
  const load = Promise.all(nodes.map(async (node, index) => {
    while (!over.signal.aborted) {
      const outcomes = await Promise.all([
        outcomeOf('rest', publishTo(node, 'lobby', 'load')), outcomeOf('frame', clients[index]?.publish('lobby', 'load') ?? Promise.reject(new Error('no client')))
      ])
      refused += outcomes.filter(({ code }) => code !== undefined).length
    }
  }))

  let killed = 0
  for (const end = performance.now() + KILLING_MS; performance.now() < end; await delay(KILL_EVERY_MS)) {
    for (const type of ['pubsub', 'normal']) killed += Number(await redis.command('CLIENT', 'KILL', 'TYPE', type))
  }
  await redis.kill()
  await until('a refusal without Redis', true, () => refused > 0)
  await redis.restart({ empty: true })
  for (const node of nodes) await until(`${node.name} is ready`, 200, async () => (await node.get('/ready')).status, RETURN_MS)
  over.abort()
  await load
  t.ok(killed > 50, `${killed} links were killed`)
  t.same(nodes.map(({ pid, isRunning }) => isRunning && pid), pids, 'both are the same processes')
  const [node] = cluster.pair()
  await receivedBy(node, clients)
  t.equal((await node.publish({ room: 'lobby', data: 'after' })).status, 200)
  for (const frames of await receivedBy(node, clients)) t.match(frames, [{ type: 'message', data: 'after' }])
  for (const node of nodes) {
    const counts = complaints(node)
    t.comment(`${node.name}: ${JSON.stringify(counts)} in ${node.logs.length} lines`)
    for (const [message, count] of Object.entries(counts)) t.ok(count <= 2 * KILLING_MS / 1_000, `"${message}" stands there ${count} times`)
  }
})
