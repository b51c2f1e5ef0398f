import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster, type Cluster } from '../helpers/cluster.ts'
import { startLink, type Direction } from '../helpers/faulty-link.ts'
import type { Answer, ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

/** Two seconds are promised; the rest is for a busy machine. */
const REFUSAL_MS = 2_500
const NOTICE_MS = 10_000
const RETURN_MS = 10_000
const PUBLICATIONS = 20

const cluster = await startCluster(t, { nodes: 1, env: { ROOMS: JSON.stringify([{ pattern: '*', history: { size: 1_000 } }]) } })
const [healthy] = cluster.nodes
if (healthy === undefined) throw new Error('a node is missing')

async function refuses (t: Test, ask: () => Promise<Answer>): Promise<Answer> {
  const start = performance.now()
  const answer = await ask()
  t.equal(answer.status, 503)
  t.ok(performance.now() - start < REFUSAL_MS, 'in time')
  return answer
}

/** A node of the cluster with a way to Redis of its own, and somebody on it who is in a room. */
async function begin (t: Test, { redis }: Cluster, room: string) {
  const link = await startLink(t, redis.port)
  const node = await cluster.start({ REDIS_URL: link.redisUrl })
  const client = await connect(t, { url: node.wsUrl, token: memberToken(`in ${room}`) })
  await client.subscribe(room)
  return { link, node, client }
}

async function isReady (node: ServerProcess, status: number, ms: number): Promise<void> {
  await until(`/ready of ${node.name}`, status, async () => (await node.get('/ready')).status, ms)
}

const faults: Array<[role: string, directions: readonly Direction[]]> = [
  ['roomcast-publisher', ['up']], ['roomcast-publisher', ['down']], ['roomcast-subscriber', ['up']], ['roomcast-subscriber', ['down']], ['', ['up', 'down']]
]

t.test('links that go silent without a word are noticed within ten seconds, and nothing is lost when they are back', { jobs: faults.length }, async t => {
  for (const [role, directions] of faults) {
    t.test(`${role || 'both links'}, ${directions.join(' and ')}`, async t => {
      const room = `${role} ${directions.join()}`
      const { link, node, client } = await begin(t, cluster, room)
      await healthy.publish({ room, data: 0 })
      const before = link.connections

      link.drop(directions, role)
      const noticed = until('a new attempt to connect', true, () => link.connections > before, NOTICE_MS)
      if (role !== 'roomcast-subscriber') {
        const { body: { code } } = await refuses(t, () => node.publish({ room, data: 'refused' }))
        t.equal(code, 'outcome_unknown', 'nobody has said what became of it')
      }
      // A subscriber that Redis does not hear hears all the same: only what is new is refused.
      if (role === 'roomcast-subscriber' && directions.includes('up')) await t.rejects(client.subscribe(`${room} anew`), { code: /^(unavailable|outcome_unknown)$/ })
      else await refuses(t, () => node.get('/ready'))
      for (let data = 1; data < PUBLICATIONS; data++) await healthy.publish({ room, data })
      await noticed
      t.match(await client.ping(), { type: 'pong' }, 'its connections stay')

      link.heal()
      await isReady(node, 200, RETURN_MS)
      t.equal((await node.publish({ room, data: PUBLICATIONS })).status, 200)
      const held = (await healthy.history(room)).map(({ data }) => data)
      // What Redis got before the answer was lost has happened.
      if (directions.includes('up')) t.notOk(held.includes('refused'), 'what was refused did not come late')
      t.same(held.filter(data => data !== 'refused'), Array.from({ length: PUBLICATIONS + 1 }, (_, data) => data))
      const [frames = []] = await receivedBy(healthy, [client])
      t.same(frames.flatMap(frame => frame.type === 'message' && frame.room === room ? [frame.data] : []), held, 'all of it, in order, once')
      t.same(frames.filter(({ type }) => type === 'gap'), [])
    })
  }
})

t.test('with a Redis that is half a second away all works, and one that is three away is refused in time, until it is near again', async t => {
  const { link, node, client } = await begin(t, cluster, 'far')
  link.delay(250)
  t.equal((await node.publish({ room: 'far', data: 'slow' })).status, 200)
  await client.subscribe('another')
  t.equal((await node.presence('in far')).online, true)
  t.equal((await node.get('/ready')).status, 200)

  link.delay(1_500)
  await refuses(t, () => node.publish({ room: 'far', data: 'refused' }))
  await refuses(t, () => node.get('/presence/alice'))
  await refuses(t, () => node.get('/ready'))
  link.heal()
  await isReady(node, 200, RETURN_MS)
  t.equal((await node.publish({ room: 'far', data: 'near' })).status, 200)
  const held = (await healthy.history('far')).map(({ data }) => data)
  const [frames = []] = await receivedBy(healthy, [client])
  t.same(frames.flatMap(frame => frame.type === 'message' && frame.room === 'far' ? [frame.data] : []), held)
  t.same(held.filter(data => data !== 'refused'), ['slow', 'near'])
})

t.end()
