// What one client that stops reading does to its neighbours: rounds without it and with it, in turn, on one server; and what it costs in memory.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createSigner } from 'fast-jwt'
import { median, percentile, printTable } from './lib/figures.mjs'
import { startNode, stopAll } from './lib/processes.mjs'
import { Poster } from './lib/raw-http.mjs'
import { RawClient } from './lib/raw-client.mjs'

const { values: options } = parseArgs({
  options: {
    neighbours: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '5' },
    /** Megabytes that are published in a round. */
    megabytes: { type: 'string', default: '40' },
    warmUp: { type: 'string', default: '100' }
  }
})
const JWT_SECRET = 'a-secret-for-the-benchmark-of-slow-readers'
const KEY = 'a-key-for-the-benchmark-of-slow-readers'
const ROOMS = ['hall', 'prices']
const DATA_BYTES = 50_000
/** Makes a megabyte, which is the largest body of a batch. */
const PER_BATCH = 20
/** Each joins a room and stops reading; the first is nobody. */
const CASES = { nobody: undefined, 'disconnect (4413)': 'hall', 'latest (skipped)': 'prices' }

const sign = createSigner({ key: JWT_SECRET, expiresIn: 3_600_000 })

/** Counts what a neighbour receives, and notes how long the last of a batch took. */
class Neighbour {
  static wanted = 0
  static lacking = 0
  static startedAt = 0
  static latencies = []
  static onReached = () => {}
  #received = 0

  get received () { return this.#received }

  set received (count) {
    this.#received = count
    if (count !== Neighbour.wanted) return
    Neighbour.latencies.push(performance.now() - Neighbour.startedAt)
    if (--Neighbour.lacking === 0) Neighbour.onReached()
  }
}

try {
  const { address, pid } = await startNode({
    // Who reads nothing is not to be ended for its silence meanwhile.
    JWT_SECRET, API_KEYS: `bench:${KEY}`, ROOMS: '[{"pattern":"prices","slow":"latest"}]', PING_INTERVAL_MS: '3600000'
  })
  const port = Number(new URL(address).port)
  const poster = new Poster(port, KEY)
  const neighbours = Array.from({ length: Number(options.neighbours) }, () => new Neighbour())
  for (const [index, tally] of neighbours.entries()) await join(port, `neighbour-${index}`, ROOMS, tally)
  const publish = batches => publishBatches(poster, neighbours.length, batches)

  await publish(Number(options.warmUp))
  const peaks = { before: peakBytes(pid) }
  const p99s = Object.fromEntries(Object.keys(CASES).map(name => [name, []]))
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, room] of Object.entries(CASES)) {
      const slow = room && await join(port, 'slow', [room], { received: 0 })
      slow?.pause()
      p99s[name].push(percentile(await publish(Number(options.megabytes)), 99))
      peaks[name] = peakBytes(pid)
      slow?.destroy()
    }
  }
  const complete = neighbours.filter(({ received }) => received === Neighbour.wanted).length
  const base = median(p99s.nobody)
  printTable(`A megabyte to ${neighbours.length} neighbours, ${options.rounds} rounds of ${options.megabytes} in turn, one of them not reading`, [
    ['who does not read', 'p99 ms (median of rounds)', 'ratio'],
    ...Object.entries(p99s).map(([name, values]) => [name, median(values).toFixed(0), (median(values) / base).toFixed(2)])
  ])
  const peak = Math.max(...Object.values(peaks))
  console.log(`${complete} of ${neighbours.length} neighbours got each publication once; the server grew by ${((peak - peaks.before) / 2 ** 20).toFixed(1)} MiB at most, from ${(peaks.before / 2 ** 20).toFixed(1)}`)
  poster.destroy()
} finally {
  await stopAll()
}
process.exit()

async function join (port, userId, rooms, tally) {
  let onWelcome
  const welcome = new Promise(resolve => { onWelcome = resolve })
  const headers = { Authorization: `Bearer ${sign({ sub: userId, rooms })}` }
  const client = new RawClient({ port, path: '/ws', headers, minBytes: DATA_BYTES, tally, onText: onWelcome })
  await client.opened
  await welcome
  client.read(undefined)
  return client
}

/** Publishes batches, to the rooms in turn, each when the one before has arrived everywhere; resolves with how long each took to each neighbour. */
async function publishBatches (poster, count, batches) {
  Neighbour.latencies = []
  for (let batch = 0; batch < batches; batch++) {
    const room = ROOMS[batch % ROOMS.length]
    const body = JSON.stringify({ publishes: Array.from({ length: PER_BATCH }, () => ({ room, data: 'x'.repeat(DATA_BYTES) })) })
    const reached = new Promise(resolve => { Neighbour.onReached = resolve })
    Neighbour.wanted += PER_BATCH
    Neighbour.lacking = count
    Neighbour.startedAt = performance.now()
    await poster.post('/publish/batch', body)
    await reached
  }
  return Neighbour.latencies
}

/** The most memory that a process ever had (proc(5)). */
function peakBytes (pid) {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1_024
}
