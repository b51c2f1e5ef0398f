import { existsSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { startCluster } from '../helpers/cluster.ts'
import { rawSocket, type RawSocket } from '../helpers/raw-socket.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const CONNECTIONS = 5_000
/** For Redis, the node's own, the publisher's and the runner's. */
const OTHER_FILES = 500
const WAIT_MS = 90_000
const TEXT = 1

/** Less than the room keeps, and then more. */
const MISSED = 80
const TOO_MANY = 150

/**
 * Two reads answer all who came back: one that was under way, and the one that the others shared. Each looks at the oldest twice, and reads what it
 * is after in one to three portions.
 */
const READS = 10

/**
 * What the node may grow by, while each of 5,000 is sent 36 KB that it missed, from what it was with all of them connected: 190 MB went out, three
 * times that in strings and buffers came and went, and garbage waits for its collector. A copy of what was missed for each connection,
 * kept, would be far more than this.
 */
const GROWTH_BYTES = 300 * 2 ** 20

interface Position { readonly epoch: string, readonly offset: number }

const { hard } = (process.report.getReport() as { userLimits: { open_files: { hard: number | 'unlimited' } } }).userLimits.open_files
if (hard !== 'unlimited' && hard < CONNECTIONS + OTHER_FILES) {
  throw new Error(`This test opens ${CONNECTIONS} connections, and the system lets a process open ${hard} files: raise it (ulimit -Hn ${CONNECTIONS + OTHER_FILES})`)
}

// These connections answer no ping.
const cluster = await startCluster(t, { nodes: 1, env: { PING_INTERVAL_MS: '600000' } })
const [node] = cluster.nodes as [ServerProcess]
const tokens = Array.from({ length: CONNECTIONS }, (_, index) => memberToken(`user-${index}`))

interface Welcomed { readonly socket: RawSocket, readonly welcome: string }

/** Opens a connection for each user, all at once; the frame goes out with the handshake. Who is closed instead of welcomed comes again, as a client must. */
async function openAll (t: Test, query: string, frame: object): Promise<Welcomed[]> {
  const ends: Array<() => unknown> = []
  t.after(() => { for (const end of ends) end() })
  const together = [JSON.stringify(frame)]
  let retries = 0
  const began = performance.now()
  const all = await Promise.all(tokens.map(async token => {
    for (;;) {
      const socket = rawSocket({ after: end => { ends.push(end) } }, { url: node.wsUrl + query, token, together })
      const text = await nextText(socket, 'welcome')
      if (text?.startsWith('{"type":"welcome"') === true) return { socket, welcome: text }
      if (++retries > CONNECTIONS) throw new Error(`again and again no welcome, but ${text ?? 'a close'}`)
    }
  }))
  t.comment(`${CONNECTIONS} connected in ${Math.round(performance.now() - began)} ms, ${retries} of them at a later try`)
  return all
}

/** The next text frame; undefined for a close. */
async function nextText ({ inbox }: RawSocket, what: string): Promise<string | undefined> {
  const { opcode, payload } = await inbox.next(what, WAIT_MS)
  return opcode === TEXT ? payload.toString() : undefined
}

function nextOfAll (all: readonly Welcomed[], what: string): Promise<Array<string | undefined>> {
  return Promise.all(all.map(({ socket }) => nextText(socket, what)))
}

/** Cuts all of them in one turn, and waits until the node has left the room and Redis its channel. */
async function cutAll (all: readonly Welcomed[]): Promise<void> {
  for (const { socket } of all) socket.socket.resetAndDestroy()
  await until('connections in the room', 0, () => cluster.redis.command('HLEN', cluster.keys.roomConnections('lobby')), WAIT_MS)
  await until('channel of the room', [], () => cluster.channels('{r:lobby}'), WAIT_MS)
}

async function publish (t: Test, from: number, to: number): Promise<unknown[]> {
  const data = Array.from({ length: to - from + 1 }, (_, index) => ({ n: from + index, text: 'x'.repeat(400) }))
  for (const one of data) t.equal((await node.publish({ room: 'lobby', data: one })).status, 200)
  return data
}

/** Commands with which Redis was asked for history so far, in scripts too. */
async function reads (): Promise<number> {
  const stats = await cluster.redis.command('INFO', 'commandstats') as string
  return [...stats.matchAll(/cmdstat_xrev?range:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0)
}

/** What the node's memory is, and what it was at its highest; NaN where the system has no /proc. */
function memory (): { now: number, highest: number } {
  const path = `/proc/${node.pid}/status`
  const status = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const bytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1_024
  return { now: bytes('VmRSS'), highest: bytes('VmHWM') }
}

function mib (bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

/** Lets all come back with one frame each, and answers how often Redis was read for that. */
async function resumeAll (t: Test, since: Position): Promise<{ all: Welcomed[], readCount: number }> {
  const before = await reads()
  const all = await openAll(t, '?resume=1', { type: 'resume', rooms: [{ room: 'lobby', since }] })
  return { all, readCount: await reads() - before }
}

/** What the first welcome says of the room, and how many say exactly the same. */
function toldOfLobby (all: readonly Welcomed[]): { entry: Record<string, unknown>, count: number } {
  const { rooms } = JSON.parse(all[0]?.welcome ?? '') as { rooms: Array<Record<string, unknown>> }
  const entry = rooms.find(({ room }) => room === 'lobby') ?? {}
  const text = JSON.stringify(entry)
  return { entry, count: all.filter(({ welcome }) => welcome.includes(text)).length }
}

t.test(`${CONNECTIONS} connections that were cut at once get exactly what they missed, with a handful of reads and bounded memory`, async t => {
  const first = await openAll(t, '', { type: 'subscribe', room: 'lobby' })
  const [answer = ''] = await nextOfAll(first, 'subscribed')
  const { epoch, offset } = JSON.parse(answer) as Position
  const connected = memory()
  await cutAll(first)

  const missed = await publish(t, 1, MISSED)
  const { all, readCount } = await resumeAll(t, { epoch, offset })
  const { entry, count } = toldOfLobby(all)
  t.match(entry, { epoch, offset: offset + MISSED, recovered: true })
  t.same((entry['publications'] as Array<{ data: unknown }>).map(({ data }) => data), missed)
  t.equal(count, CONNECTIONS, 'all were told the same')
  t.ok(readCount <= READS, `${readCount} reads`)
  const { now, highest } = memory()
  t.comment(`${readCount} reads; memory ${mib(connected.now)} with all connected, ${mib(highest)} at its highest, ${mib(now)} after`)
  if (Number.isNaN(highest)) t.comment('this system does not tell the memory of a process')
  else t.ok(highest - connected.now <= GROWTH_BYTES, `grew by ${mib(highest - connected.now)}`)

  t.equal((await node.publish({ room: 'lobby', data: 'live' })).status, 200)
  const live = await nextOfAll(all, 'what follows')
  t.equal(live.filter(text => text?.startsWith(`{"type":"message","room":"lobby","offset":${offset + MISSED + 1},"data":"live"`)).length, CONNECTIONS)
  await cutAll(all)
})

t.test('and where what they missed is not kept any more they are told so, with no more reads', async t => {
  const { epoch, offset } = (await node.get('/rooms/lobby/history?limit=1')).body as unknown as Position
  await publish(t, 1, TOO_MANY)
  const { all, readCount } = await resumeAll(t, { epoch, offset })
  const { entry, count } = toldOfLobby(all)
  t.match(entry, { epoch, offset: offset + TOO_MANY, recovered: false, publications: [] })
  t.equal(count, CONNECTIONS, 'all were told the same')
  t.ok(readCount <= READS, `${readCount} reads`)
  await cutAll(all)
})

t.end()
