import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { startCluster, type Cluster } from '../helpers/cluster.ts'
import { equalsServer, watch } from '../helpers/member-list.ts'
import { rawSocket, type RawSocket } from '../helpers/raw-socket.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const CYCLES = 200
const LANES = 20
const ROOMS = ['north', 'south', 'west']
/** Longer than Redis may take to answer. */
const LONG_PAUSE_MS = 2_500
/** For what waits to be removed until the next heartbeat, and a busy machine. */
const CLEAR_MS = 10_000
const env = { HEARTBEAT_MS: '500', LEASE_MS: '5000' }

const subscribes = ROOMS.map(room => JSON.stringify({ type: 'subscribe', room, presence: true }))

/** How far a connection gets before it is reset: nothing was answered, the handshake was, the welcome came, and so on. */
const stages: Array<(socket: RawSocket) => Promise<unknown>> = [
  async socket => { await new Promise(resolve => socket.socket.write('', resolve)) },
  socket => socket.status(),
  socket => socket.nextJson('the welcome'),
  async socket => { for (const what of ['the welcome', 'an answer']) await socket.nextJson(what) },
  async socket => { for (const what of ['the welcome', ...ROOMS]) await socket.nextJson(what) }
]

/** Connects, subscribes at once, and is reset. */
async function cycle (node: ServerProcess, sub: string, stage: (socket: RawSocket) => Promise<unknown>): Promise<void> {
  const letGo: Array<() => unknown> = []
  const scope = { after: (fn: () => unknown) => { letGo.push(fn) } } as Pick<Test, 'after'>
  const socket = rawSocket(scope, { url: node.wsUrl, token: memberToken(sub), together: subscribes })
  await stage(socket)
  socket.socket.resetAndDestroy()
  await socket.closed
  for (const fn of letGo) fn()
}

/** Makes Redis stand still again and again, until it is told to end. */
async function slowDown ({ redis }: Cluster, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await redis.command('CLIENT', 'PAUSE', '100', 'ALL')
    // Redis works for this long in between.
    await delay(120)
  }
}

/** Nothing that tells of a connection, a member or a room in use is left, and no Redis channel of a room. */
async function nothingIsLeft (cluster: Cluster): Promise<void> {
  for (const kind of [':connections', ':members', ':order', ':names', ':index']) await until(`keys of ${kind}`, [], () => cluster.keysIn(kind), CLEAR_MS)
  await until('channels of rooms', [], () => cluster.channels('{r:'), CLEAR_MS)
  for (const node of cluster.nodes) {
    await until('rooms in use', [], () => node.rooms())
    for (const room of ROOMS) {
      await until(`occupancy of ${room}`, { connections: 0, members: 0 }, () => node.occupancy(room))
      await until(`members of ${room}`, [], async () => (await node.members(room)).members)
    }
  }
}

t.test(`after ${CYCLES} connections that were reset at every stage, with a slow Redis, nothing is left of any`, async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  let isOver = false
  const slowing = slowDown(cluster, () => isOver)
  await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
    for (let count = lane; count < CYCLES; count += LANES) {
      const stage = stages[Math.floor(count / LANES + lane) % stages.length]
      if (stage !== undefined) await cycle(count % 2 === 0 ? node1 : node2, `user-${count % 30}`, stage)
    }
  }))
  isOver = true
  await slowing
  await nothingIsLeft(cluster)
  t.same((await Promise.all(Array.from({ length: 30 }, (_, index) => node2.presence(`user-${index}`)))).filter(({ online }) => online), [])
  t.notMatch([...node1.logs, ...node2.logs].join('\n'), /"level":(50|60)/, 'and nothing went wrong')
})

t.test('a subscribe that was under way while the node went over its records, and whose connection was reset, leaves no member', async t => {
  const cluster = await startCluster(t, { nodes: 2 })
  const [node1, node2] = cluster.pair()
  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'west')
  const clients = await Promise.all(Array.from({ length: 10 }, (_, index) => connect(t, { url: node1.wsUrl, token: memberToken(`user-${index}`) })))
  await cluster.redis.command('CLIENT', 'PAUSE', '1800', 'ALL')
  for (const client of clients) for (const text of subscribes) client.send(text)
  // The node goes over its records once a second.
  await delay(1_300)
  await Promise.all(clients.map(client => client.reset()))
  for (const room of ROOMS) await until(`occupancy of ${room}`, room === 'west' ? 1 : 0, async () => (await node2.occupancy(room)).connections, CLEAR_MS)
  await equalsServer(list, node2, CLEAR_MS)
  t.same(list.userIds, ['watcher'])
  await list.client.close()
  await nothingIsLeft(cluster)
})

t.test('after connections that were reset while Redis did not answer in time, nothing is left of any, and a watcher\'s list is right', async t => {
  const cluster = await startCluster(t, { nodes: 2, env })
  const [node1, node2] = cluster.pair()
  const list = await watch(await connect(t, { url: node2.wsUrl, token: memberToken('watcher') }), 'north')
  for (const round of [1, 2]) {
    const standing = await Promise.all(Array.from({ length: 10 }, (_, index) => connect(t, { url: node1.wsUrl, token: memberToken(`standing-${index}`) })))
    for (const client of standing) await client.subscribe('north')
    const cycles = Array.from({ length: 20 }, (_, index) => cycle(node1, `user-${index}`, async socket => {
      await socket.status()
      // Or the close that says that it could not be had.
      if (index % 2 === 0) await socket.inbox.next('the welcome')
    }))
    await Promise.all([...cycles.slice(0, 10), cluster.redis.command('CLIENT', 'PAUSE', `${LONG_PAUSE_MS}`, 'ALL')])
    await Promise.all(standing.map(client => client.reset()))
    await Promise.all(cycles)
    await until('only the watcher', ['watcher'], async () => {
      const { status, body } = await node2.get('/rooms/north/presence')
      return status === 200 ? (body['members'] as Array<{ userId: string }>).map(({ userId }) => userId) : [`status ${status}`]
    }, CLEAR_MS)
    await equalsServer(list, node2, CLEAR_MS)
    t.same(list.faults, [], `round ${round}`)
  }
  await list.client.close()
  await nothingIsLeft(cluster)
})
