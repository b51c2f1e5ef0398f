import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { connectClient, messagesOf } from './library-client.ts'

const HEARTBEAT_MS = 300
const LEASE_MS = 2_000
const RETURN_MS = 15_000
/** A link to Redis is back within a second; the rest is for a busy machine. */
const MARGIN_MS = 5_000
const env = { HEARTBEAT_MS: `${HEARTBEAT_MS}`, LEASE_MS: `${LEASE_MS}` }

async function isReady ({ nodes }: Cluster): Promise<void> {
  for (const node of nodes) await until(`${node.name} is ready`, 200, async () => (await node.get('/ready')).status, RETURN_MS)
}

// redis/ioredis#85: after a reconnect the local maps said subscribed, and Redis knew nothing of it.
t.test('P42, P52: a Redis that is away for longer than a lease and comes back empty, the second time killed again while the nodes subscribe, serves all rooms', async t => {
  const cluster = await startCluster(t, { env })
  const { redis } = cluster
  const [node1, node2] = cluster.pair()
  const clients = [await connect(t, { url: node1.wsUrl, token: memberToken('alice') }), await connect(t, { url: node2.wsUrl, token: memberToken('bob') })]
  for (const client of clients) await client.subscribe('lobby')
  const library = await connectClient(t, node2.wsUrl, { getToken: () => memberToken('carol') })

  for (const round of [1, 2]) {
    await redis.kill()
    const late = library.room<string>(`asked-for-in-outage-${round}`)
    const subscribed = late.subscribe()
    await delay(LEASE_MS + 500)
    await redis.restart({ empty: true })
    if (round === 2) {
      await until('a link that subscribes again', true, async () => String(await redis.command('CLIENT', 'LIST')).includes('name=roomcast-subscriber'), RETURN_MS)
      await redis.restart({ empty: true })
    }
    await isReady(cluster)
    for (const [index, userId] of ['alice', 'bob'].entries()) {
      await until(userId, [clients[index]?.connectionId], async () => (await node1.presence(userId)).connections.map(({ connectionId }) => connectionId), HEARTBEAT_MS + MARGIN_MS)
    }
    t.equal((await node2.publish({ room: 'lobby', data: round })).status, 200)
    for (const frames of await receivedBy(node1, clients)) t.same(frames.flatMap(frame => frame.type === 'message' ? [frame.data] : []), [round], 'one copy each')
    await subscribed
    const messages = messagesOf(late)
    await node1.publish({ room: late.name, data: 'live' })
    t.equal(await messages.next('what is published in a room that was asked for in the outage'), 'live')
  }
})

// socketio/socket.io-redis-streams-adapter#32: the reader was dead, and the node still looked alive.
t.test('P52: a node that cannot listen is not ready, though its heartbeat goes on, and when it can again it brings what was missed', async t => {
  const cluster = await startCluster(t, { nodes: 1, env })
  const { redis, nodes: [node] } = cluster
  if (node === undefined) return
  const alice = await connect(t, { url: node.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  await redis.command('ACL', 'SETUSER', 'default', '-subscribe')
  await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until('readiness', 503, async () => (await node.get('/ready')).status, RETURN_MS)
  await delay(LEASE_MS)
  t.equal((await node.presence('alice')).online, true, 'its lease is good')
  t.equal((await node.get('/ready')).status, 503)
  for (const data of [1, 2, 3]) t.equal((await node.publish({ room: 'lobby', data })).status, 200)
  const complaints = node.logs.filter(line => line.includes('could not be subscribed again'))
  t.ok(complaints.length > 0 && complaints.length < 5, `${complaints.length} lines tell of it`)

  await redis.command('ACL', 'SETUSER', 'default', '+subscribe')
  await isReady(cluster)
  for (const data of [1, 2, 3]) t.match(await alice.inbox.next(`publication ${data}`, RETURN_MS), { type: 'message', data })
  await node.publish({ room: 'lobby', data: 4 })
  t.match(await receivedBy(node, [alice]), [[{ type: 'message', data: 4 }]])
})
