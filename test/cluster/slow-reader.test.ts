import { readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { gatherNeighbours } from '../helpers/neighbours.ts'
import { rawSocket, type RawSocket } from '../helpers/raw-socket.ts'
import { startServer } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

// A hundred would be 20 GB over loopback: `npm run slow-reader` in bench/ does that, and measures how long they wait.
const NEIGHBOURS = 10
const MARK_BYTES = 1_048_576
const ALLOWED_BYTES = MARK_BYTES + 32 * 1_048_576
const DATA_BYTES = 50_000
/** As many as the largest body of a batch holds: a megabyte. */
const PER_BATCH = 20
const BATCHES = 200
/** The process is as large as this load makes it without anybody slow when so many batches no longer make it larger, within so many turns. */
const WARM_UP_BATCHES = 50
const WARM_UP_TURNS = 12
/** Of twenty clients each. The first ones make the process as large as this load does. */
const WAVES = 10
const FIRST_WAVES = 4
const PER_WAVE = 20
/** Half of what the clients of the later waves had waiting: so much would be held if it were not free again, and the heap's own ups and downs are less. */
const HELD_BYTES = (WAVES - FIRST_WAVES) * PER_WAVE * MARK_BYTES / 2

const server = await startServer(t, {
  env: {
    LOG_LEVEL: 'debug',
    ROOMS: '[{"pattern":"prices","slow":"latest"},{"pattern":"cell:*","history":{"size":0}}]',
    // Who reads nothing at all is not to be ended for its silence meanwhile.
    PING_INTERVAL_MS: '600000'
  }
})
const neighbours = await gatherNeighbours(t, server, { rooms: ['hall', 'prices'], count: NEIGHBOURS })
let published = 0
for (let turns = 0, quiet = 0; turns < WARM_UP_TURNS && quiet < 2; turns++) quiet = await publish('hall', WARM_UP_BATCHES) === 0 ? quiet + 1 : 0

/** Publishes batches; each waits until all neighbours have the ones before. Answers to how much the largest size of the process grew meanwhile, in bytes. */
async function publish (room: string, batches: number): Promise<number> {
  const body = JSON.stringify({ publishes: Array.from({ length: PER_BATCH }, () => ({ room, data: 'x'.repeat(DATA_BYTES) })) })
  const before = peakBytes()
  for (let count = 0; count < batches; count++) {
    const { status, text } = await server.post('/publish/batch', body)
    if (status !== 200) throw new Error(`a batch was answered ${status}: ${text.slice(0, 500)}`)
    published += PER_BATCH
    await neighbours.reach(published)
  }
  return peakBytes() - before
}

/** The most memory that the server ever had, in bytes (proc(5)). */
function peakBytes (): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) * 1_024
}

function openFiles (): number {
  return readdirSync(`/proc/${server.pid}/fd`).length
}

/** Enters a room and stops reading. */
async function stopReading (t: Pick<Test, 'after'>, userId: string, room: string): Promise<RawSocket> {
  const socket = rawSocket(t, { url: server.wsUrl, token: memberToken(userId, { rooms: [room] }) })
  await socket.nextJson('welcome')
  socket.socket.pause()
  return socket
}

/** With which codes connections of a user ended. */
function closeCodesOf (userId: string): number[] {
  return server.logs.flatMap(line => {
    const { msg, code, userId: whose } = JSON.parse(line) as Record<string, unknown>
    return msg === 'disconnected' && whose === userId ? [Number(code)] : []
  })
}

t.test('P38: a client that stops reading while 200 MB are published costs little more than its mark, and its neighbours get everything', async t => {
  const slow = await stopReading(t, 'slow', 'hall')
  const grownBytes = await publish('hall', BATCHES)
  t.ok(grownBytes <= ALLOWED_BYTES, `the process grew by ${grownBytes} bytes`)
  t.same(await neighbours.counts(), Array.from({ length: NEIGHBOURS }, () => published))
  t.same(closeCodesOf('slow'), [4413])
  t.equal((await server.presence('slow')).online, false)
  slow.socket.resume()
  await slow.closed
})

t.test('P38: where only the newest counts it costs no more, stays, and gets the newest when it reads again', async t => {
  const slow = await stopReading(t, 'slow-but-kept', 'prices')
  const before = published
  const grownBytes = await publish('prices', BATCHES / 4)
  t.ok(grownBytes <= ALLOWED_BYTES, `the process grew by ${grownBytes} bytes`)
  t.same(await neighbours.counts(), Array.from({ length: NEIGHBOURS }, () => published))
  t.same(closeCodesOf('slow-but-kept'), [])
  t.equal((await server.presence('slow-but-kept')).online, true)

  slow.socket.resume()
  const offsets: number[] = []
  for (let isAfterSkipped = false; !isAfterSkipped;) {
    const { offset, skipped } = await slow.nextJson('the newest')
    offsets.push(Number(offset))
    isAfterSkipped = skipped === true
  }
  const newest = published - before
  const read = offsets.length - 1
  t.same(offsets, [...Array.from({ length: read }, (_, index) => index + 1), newest], 'what had gone out before, then the newest')
  t.ok(read < newest / 2, `${read} of ${newest} had gone out`)
})

t.test('P39: what waited for clients that were cut is free again, however many there were', async t => {
  const cells = Array.from({ length: PER_WAVE }, (_, index) => `cell:${index}`)
  const publishes = Array.from({ length: PER_BATCH }, () => ({ rooms: cells, data: 'x'.repeat(DATA_BYTES) }))
  let first = 0
  for (let wave = 1; wave <= WAVES; wave++) {
    const files = openFiles()
    const slow = await Promise.all(cells.map(cell => stopReading(t, `${wave} in ${cell}`, cell)))
    for (let sent = 0; sent < 8; sent++) t.equal((await server.post('/publish/batch', JSON.stringify({ publishes }))).status, 200)
    await until('connections that were closed', cells.map(() => [4413]), () => cells.map(cell => closeCodesOf(`${wave} in ${cell}`)))
    // Whoever publishes may have opened another of its own meanwhile.
    await until('sockets of the server that are gone', true, () => openFiles() <= files + 2, 5_000)
    if (wave === FIRST_WAVES) first = peakBytes()
    for (const { socket } of slow) socket.destroy()
  }
  const grownBytes = peakBytes() - first
  t.ok(grownBytes <= HELD_BYTES, `the process grew by ${grownBytes} bytes`)
})

t.end()
