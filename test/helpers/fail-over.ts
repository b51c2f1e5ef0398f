import { setMaxListeners } from 'node:events'
import type { Test } from 'tap'
import type { RoomHandle } from '../../client/index.ts'
import { gapsIn, Ledger, messagesIn, type Told } from '../client/ledger.ts'
import { connectClient } from '../client/library-client.ts'
import { Publishing } from '../client/publishing.ts'
import { startCluster, type Cluster } from './cluster.ts'
import type { Outcome } from './outcomes.ts'
import type { RedisServer } from './redis-server.ts'
import { until } from './until.ts'

/** Ten seconds are promised from the moment that there is a new master. */
const RETURN_MS = 10_000
const HEARTBEAT_MS = 1_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: '4000', ROOMS: JSON.stringify([{ pattern: 'lobby', history: { size: 100_000 } }]) }

/** A fault, and how it shows. */
export interface Fault {
  /** Some Redis of those that the nodes are on. */
  readonly redis: RedisServer
  /** What nodes must be told to find it. */
  readonly env: Record<string, string>
  readonly act: (cluster: Cluster) => Promise<void>
  /** Resolves when there is a new master. */
  readonly isOver: () => Promise<void>
  /** Whether nodes must have said meanwhile that they are not ready. */
  readonly isSeen: boolean
}

const isPublished = ({ position }: Outcome): boolean => position !== undefined

// Each of the many processes is ended with this one.
setMaxListeners(50, process)

/** What a change of masters under load must leave whole: everything that was answered 200 was told once and in order, or a gap was told. Resolves with how many were lost. */
export async function survives (t: Test, fault: Fault): Promise<{ lost: number, gaps: number, refused: number }> {
  const cluster = await startCluster(t, { redis: fault.redis, env: { ...env, ...fault.env } })
  const nodes = cluster.pair()
  const ledger = new Ledger()
  const followed: Array<{ room: RoomHandle, told: Told[], userId: string, connectionId: string | undefined }> = []
  for (const { wsUrl } of [...nodes, ...nodes]) {
    const client = await connectClient(t, wsUrl)
    const room = client.room('lobby')
    await room.subscribe()
    followed.push({ room, told: ledger.follow(room), userId: 'alice', connectionId: client.connectionId })
  }
  const publishing = new Publishing('lobby', nodes, followed.slice(0, 2).map(({ room }) => room))
  await publishing.more('published', 5, isPublished)

  const since = performance.now()
  const ms = (): number => Math.round(performance.now() - since)
  await fault.act(cluster)
  if (fault.isSeen) for (const node of nodes) await until(`${node.name} is not ready`, 503, async () => (await node.get('/ready')).status, RETURN_MS)
  await fault.isOver()
  const promoted = ms()
  await publishing.more('published again', 1, isPublished)
  const delivered = ms()
  const wanted = followed.map(({ connectionId }) => connectionId).sort()
  for (const node of nodes) {
    await until('who is online', wanted, async () => {
      const { status, body } = await node.get('/presence/alice')
      return status === 200 ? (body['connections'] as Array<{ connectionId: string }>).map(({ connectionId }) => connectionId).sort() : []
    }, RETURN_MS)
    await until(`${node.name} is ready`, 200, async () => (await node.get('/ready')).status, RETURN_MS)
  }
  t.comment(`ms from the fault: new master ${promoted}, publishing by all ${delivered}, presence whole and ready ${ms()}`)
  t.ok(delivered - promoted < RETURN_MS, 'delivery resumed in time')
  await publishing.more('published again', 5, isPublished)
  await publishing.end()
  const [first] = followed
  await first?.room.publish('the end')
  for (const { told } of followed) await until('the last message', 'the end', () => messagesIn(told).at(-1), RETURN_MS)

  const held = await nodes[1].history('lobby')
  for (const { data, ...position } of [...publishing.published(), ...held]) ledger.note(position, data)
  t.same(ledger.faults, [], 'nothing was left out untold, and no position meant two things')
  const data = held.map(one => one.data)
  const refused = new Set(publishing.refused('unavailable'))
  t.same(data.filter(one => refused.has(String(one))), [], 'what was refused never happened')
  for (const { told } of followed) {
    t.same(messagesIn(told).filter(one => refused.has(String(one))), [], 'nor was it told')
    t.same(messagesIn(told, 'since the last gap'), data.slice(gapsIn(told).at(-1)?.offset ?? 0), 'all that followed the last gap was told')
  }
  const published = publishing.published()
  const lost = published.filter(one => !data.includes(one.data)).length
  const gaps = followed.map(({ told }) => gapsIn(told).length)
  t.comment(`${published.length} published, ${lost} lost with the old master, ${refused.size} refused; gaps told ${gaps.join(' ')}`)
  if (lost > 0) for (const { told } of followed) t.ok(gapsIn(told).length > 0, 'the loss was told')
  return { lost, gaps: Math.max(...gaps), refused: refused.size }
}
