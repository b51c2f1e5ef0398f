import { startAsking } from './asker.mjs'
import { payload } from './crowd.mjs'
import { percentile } from './figures.mjs'
import { usageOf } from './processes.mjs'
import { atRate, measure, outstanding, sleep } from './publishing.mjs'

const ALL = ['roomcast', 'socket.io', 'ws', 'uws']
const OUTSTANDING = 20
const STORM = 5_000
const REST_ROOMS = 100

/**
 * What is measured. Each scenario has points; each point is run for each side in turn, on servers and a Redis of its own.
 * `run({ side, start, redis, crowd, windowMs })` resolves with figures by name; `start` starts one more server of the side.
 */
export const scenarios = {
  single: {
    title: '1 room × 1,000 connections, 30 publications a second',
    sides: ALL,
    points: { '1,000': context => room(context, 1_000, options => atRate(30, options)) }
  },
  load: {
    title: `1 room × 1,000 connections, ${OUTSTANDING} publications outstanding`,
    sides: ALL,
    points: { '1,000': context => room(context, 1_000, options => outstanding(OUTSTANDING, options)) }
  },
  rooms: {
    title: '1,000 rooms × 1 connection, 2,000 publications a second',
    sides: ALL,
    points: { '1,000': context => spread(context, 1_000, 1_000, options => atRate(2_000, options)) }
  },
  nodes: {
    title: `2 nodes × 500 connections in 1 room, ${OUTSTANDING} publications outstanding`,
    sides: ALL,
    points: { '2 × 500': twoNodes }
  },
  storm: {
    title: `${STORM.toLocaleString('en')} connections as fast as they come`,
    sides: ALL,
    points: { [STORM]: storm }
  },
  rest: {
    title: `Publishing over REST to ${REST_ROOMS} rooms without subscribers, history on`,
    sides: ['roomcast'],
    points: { 'one each, 64 at once': context => rest(context, 64, 1), 'batches of 1,000, 2 at once': context => rest(context, 2, 1_000) }
  },
  live: {
    title: '/live of a node that sends 20 publications a second of 2 KB to 10,000 connections',
    sides: ['roomcast'],
    points: { '10,000': live }
  },
  connections: {
    title: `1 room × so many connections, ${OUTSTANDING} publications outstanding`,
    sides: ALL,
    isGrowth: true,
    points: Object.fromEntries([100, 1_000, 5_000, 10_000].map(count => [count, context => room(context, count, options => outstanding(OUTSTANDING, options))]))
  },
  spread: {
    title: `1,000 connections in so many rooms, ${OUTSTANDING} publications outstanding`,
    sides: ALL,
    isGrowth: true,
    points: Object.fromEntries([1, 10, 100, 1_000].map(rooms => [rooms, context => spread(context, 1_000, rooms, options => outstanding(OUTSTANDING, options))]))
  }
}

function room (context, count, publishing) {
  return spread(context, count, 1, publishing)
}

async function spread ({ side, start, redis, crowd, windowMs }, count, rooms, publishing) {
  const server = await start()
  const roomOf = index => `room-${index % rooms}`
  await crowd.open(side, server.port, count, roomOf)
  const receivers = count / rooms
  return measure({ servers: [server], redis, crowd, windowMs, roomOf, receivers, publishing: publishing({ server, crowd, roomOf, receivers }) })
}

async function twoNodes ({ side, start, redis, crowd, windowMs }) {
  const servers = [await start(), await start()]
  for (const { port } of servers) await crowd.open(side, port, 500, () => 'lobby')
  const room = { roomOf: () => 'lobby', receivers: 1_000 }
  return measure({ servers, redis, crowd, windowMs, ...room, publishing: outstanding(OUTSTANDING, { server: servers[0], crowd, ...room }) })
}

async function storm ({ side, start, crowd }) {
  const { port, pid } = await start()
  // What the first connections cost once is not what each costs.
  await crowd.open(side, port, 500, () => 'lobby')
  await sleep(1_000)
  const before = usageOf(pid)
  const startedAt = performance.now()
  await crowd.open(side, port, STORM, () => 'lobby')
  const took = performance.now() - startedAt
  const { cpuMicros } = usageOf(pid)
  await sleep(5_000)
  return {
    'µs/connection': (cpuMicros - before.cpuMicros) / STORM,
    'connections/s': STORM / took * 1_000,
    'KB/idle connection': (usageOf(pid).rssBytes - before.rssBytes) / STORM / 1_024
  }
}

async function rest ({ start, redis, windowMs }, atOnce, size) {
  const server = await start()
  let published = 0
  const body = () => {
    const publishes = Array.from({ length: size }, () => ({ room: `room-${published++ % REST_ROOMS}`, data: payload() }))
    return size === 1 ? ['/publish', JSON.stringify(publishes[0])] : ['/publish/batch', JSON.stringify({ publishes })]
  }
  const run = async until => {
    const latencies = []
    await Promise.all(Array.from({ length: atOnce }, async () => {
      while (performance.now() < until) {
        const [path, text] = body()
        const sentAt = performance.now()
        await server.post(path, text)
        latencies.push(performance.now() - sentAt)
      }
    }))
    return latencies
  }
  await run(performance.now() + 2_000)
  published = 0
  const before = { node: usageOf(server.pid).cpuMicros, redis: usageOf(redis.pid).cpuMicros, at: performance.now() }
  const latencies = await run(before.at + windowMs)
  const took = performance.now() - before.at
  return {
    'publications/s': published / took * 1_000,
    'node µs each': (usageOf(server.pid).cpuMicros - before.node) / published,
    'Redis µs each': (usageOf(redis.pid).cpuMicros - before.redis) / published,
    'p50 ms': percentile(latencies, 50),
    'p99 ms': percentile(latencies, 99)
  }
}

async function live ({ side, start, crowd, windowMs }) {
  const server = await start()
  await crowd.open(side, server.port, 10_000, () => 'lobby')
  const publishing = atRate(20, { server, crowd, roomOf: () => 'lobby', receivers: 10_000, bytes: 2_000 })
  await publishing(performance.now() + 1_500)
  crowd.latencies = []
  const until = performance.now() + windowMs
  const asking = startAsking(`http://127.0.0.1:${server.port}/live`)
  await publishing(until)
  const answers = await asking.stop()
  return {
    '/live p50 ms': percentile(answers, 50),
    '/live p99 ms': percentile(answers, 99),
    '/live worst ms': percentile(answers, 100),
    'delivery p50 ms': percentile(crowd.latencies, 50),
    'delivery p99 ms': percentile(crowd.latencies, 99)
  }
}
