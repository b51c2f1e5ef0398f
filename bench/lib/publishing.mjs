import { payload } from './crowd.mjs'
import { percentile } from './figures.mjs'
import { usageOf } from './processes.mjs'

const WARM_UP_MS = 4_000
/** Publications that are outstanding while a server warms up. */
const WARM_UP_OUTSTANDING = 20

export const sleep = ms => new Promise(resolve => { setTimeout(resolve, ms) })
const turn = () => new Promise(resolve => { setImmediate(resolve) })

/**
 * Publishes for a window and tells what a delivery cost. `publishing(until)` resolves when all of it has arrived. Before that each server is
 * warmed up by the same load, since in production none is cold: at thirty requests a second its code would be interpreted for minutes.
 */
export async function measure ({ servers, redis, crowd, publishing, windowMs, ...room }) {
  const warmingUp = outstanding(WARM_UP_OUTSTANDING, { server: servers[0], crowd, ...room })
  await warmingUp(performance.now() + WARM_UP_MS)
  await publishing(performance.now() + 500)
  crowd.latencies = []
  const cpu = () => servers.reduce((sum, { pid }) => sum + usageOf(pid).cpuMicros, 0)
  const before = { servers: cpu(), redis: usageOf(redis.pid).cpuMicros, self: usageOf(process.pid).cpuMicros, received: crowd.received, at: performance.now() }
  await publishing(before.at + windowMs)
  const took = performance.now() - before.at
  const received = crowd.received - before.received
  return {
    'µs/delivery': (cpu() - before.servers) / received,
    'Redis µs/delivery': (usageOf(redis.pid).cpuMicros - before.redis) / received,
    'load generator µs/delivery': (usageOf(process.pid).cpuMicros - before.self) / received,
    'deliveries/s': received / took * 1_000,
    'p50 ms': percentile(crowd.latencies, 50),
    'p99 ms': percentile(crowd.latencies, 99)
  }
}

/** So many publications a second, one after the other, whether the last has arrived or not. */
export function atRate (perSecond, { server, crowd, roomOf, receivers, bytes }) {
  let published = 0
  return async until => {
    const base = crowd.received
    const startedAt = performance.now()
    let sent = 0
    for (; performance.now() < until; sent++) {
      const due = startedAt + sent * 1_000 / perSecond
      if (due > performance.now()) await sleep(due - performance.now())
      send(server, roomOf(published++), payload(bytes))
    }
    while (crowd.received - base < sent * receivers) await sleep(5)
  }
}

/** So many publications outstanding all the time: the next is published when one has arrived everywhere. */
export function outstanding (count, { server, crowd, roomOf, receivers }) {
  let total = 0
  return async until => {
    const base = crowd.received
    let published = 0
    while (performance.now() < until) {
      const arrived = Math.floor((crowd.received - base) / receivers)
      for (; published - arrived < count; published++) send(server, roomOf(total++), payload())
      await turn()
    }
    while (crowd.received - base < published * receivers) await sleep(5)
  }
}

function send (server, room, data) {
  server.publish(room, data).catch(error => { console.error(`a publish failed: ${error.message}`) })
}
