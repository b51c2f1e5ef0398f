import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const env = { ROOMS: JSON.stringify([{ pattern: 'lobby', history: { size: 10_000 } }]) }

/** Two nodes, and somebody on the first who is in a room. */
async function begin (t: Test) {
  const cluster = await startCluster(t, { env })
  const [node1, node2] = cluster.pair()
  const alice = await connect(t, { url: node1.wsUrl, token: memberToken('alice') })
  await alice.subscribe('lobby')
  return { cluster, node1, node2, alice }
}

/** What somebody was sent of a room. */
async function told (t: Test, { cluster, alice }: Pick<Awaited<ReturnType<typeof begin>>, 'cluster' | 'alice'>): Promise<unknown[]> {
  const [, node2] = cluster.pair()
  const [frames = []] = await receivedBy(node2, [alice])
  t.same(frames.filter(({ type }) => type === 'gap'), [], 'no gap')
  return frames.flatMap(frame => frame.type === 'message' && frame.room === 'lobby' ? [frame.data] : [])
}

t.test('when Redis forgets all scripts, again and again under load, nobody notices', async t => {
  const scene = await begin(t)
  const { cluster, node1, node2, alice } = scene
  for (let round = 0; round < 20; round++) {
    const flushed = cluster.redis.command('SCRIPT', 'FLUSH')
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? node1 : node2).publish({ room: 'lobby', data: `${round} ${index}` })))
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
    await flushed
    await alice.subscribe(`room-${round}`)
    t.equal((await node2.presence('alice')).online, true)
  }
  const held = (await node2.history('lobby')).map(({ data }) => data)
  t.equal(new Set(held).size, 400, 'each of them once')
  t.same(await told(t, scene), held, 'in their order')
})

/** How many links to Redis nodes have that listen. */
async function subscribers ({ redis }: Cluster): Promise<number> {
  return String(await redis.command('CLIENT', 'LIST')).split('\n').filter(line => line.includes('name=roomcast-subscriber')).length
}

t.test('a subscriber that Redis ends for what waits in its buffer comes back, and what it missed comes from history', async t => {
  const scene = await begin(t)
  const { cluster, node1, node2 } = scene
  const other = await connect(t, { url: node1.wsUrl, token: memberToken('other') })
  await other.subscribe('noise')
  await cluster.redis.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 65536 0 0')
  cluster.pause(node1)
  const noise = { room: 'noise', data: 'x'.repeat(50_000), volatile: true }
  let count = 0
  // What fits into the system's own buffers, some megabytes, arrives.
  await until('links that listen', 1, async () => {
    await node2.publish({ room: 'lobby', data: count++ })
    await Promise.all(Array.from({ length: 50 }, () => node2.publish(noise)))
    return subscribers(cluster)
  }, 15_000)
  await node2.publish({ room: 'lobby', data: count++ })
  await cluster.redis.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 33554432 8388608 60')
  cluster.resume(node1)
  await until('ready', 200, async () => (await node1.get('/ready')).status, 10_000)
  t.match(node1.logs.join('\n'), 'subscribed again to every channel')
  t.same(await told(t, scene), Array.from({ length: count }, (_, index) => index))
})

t.test('a user and a password with characters that mean something in a URL, and an IPv6 address, lead to Redis', async t => {
  const redis = await startRedis(t)
  await redis.command('CONFIG', 'SET', 'bind', '127.0.0.1 ::1')
  const [user, password] = ['us:er@home', 'p@ss:w/o?r#d%20&+ü']
  await redis.command('ACL', 'SETUSER', user, 'on', `>${password}`, '~*', '&*', '+@all')
  await redis.command('CONFIG', 'SET', 'requirepass', password)
  const cluster = await startCluster(t, { redis, nodes: 0 })
  const hosts = [`${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1`, `:${encodeURIComponent(password)}@[::1]`]
  for (const host of hosts) {
    const node = await cluster.start({ REDIS_URL: `redis://${host}:${redis.port}` })
    t.equal((await node.publish({ room: 'lobby', data: host })).status, 200)
    t.notMatch(node.logs.join('\n'), password)
  }
  const links = String(await redis.command('CLIENT', 'LIST')).split('\n').filter(line => line.includes('name=roomcast-'))
  t.equal(links.filter(line => line.includes(` user=${user} `)).length, 2)
  t.equal(links.filter(line => line.includes(' addr=[::1]:') && line.includes(' user=default ')).length, 2)
})

t.end()
