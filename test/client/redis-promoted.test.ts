import t from 'tap'
import type { RoomHandle } from '../../client/index.ts'
import { startCluster } from '../helpers/cluster.ts'
import type { Outcome } from '../helpers/outcomes.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { until } from '../helpers/until.ts'
import { gapsIn, Ledger, messagesIn, type Told } from './ledger.ts'
import { connectClient, nextState } from './library-client.ts'
import { Publishing } from './publishing.ts'
import { portOf, startProxy } from './tcp-proxy.ts'

const PROMOTIONS = 3
const RETURN_MS = 15_000
const env = { HEARTBEAT_MS: '500', LEASE_MS: '3000', ROOMS: JSON.stringify([{ pattern: 'lobby', history: { size: 100_000 } }]) }

const isPublished = ({ position }: Outcome): boolean => position !== undefined

t.test('while publishing goes on, a lagging replica is promoted, three times: no hole is called whole, and no offset used twice', async t => {
  let redis = await startRedis(t)
  const redisWay = await startProxy(t, redis.url)
  const cluster = await startCluster(t, { redis, env: { ...env, REDIS_URL: redisWay.redisUrl } })
  const [north, south] = cluster.pair()
  const ledger = new Ledger()
  const enter = async (url: string) => {
    const client = await connectClient(t, url)
    const room = client.room('lobby')
    await room.subscribe()
    return { client, room, told: ledger.follow(room) }
  }
  const travel = async (url: string) => {
    const way = await startProxy(t, url)
    const traveller = await enter(way.wsUrl)
    return {
      ...traveller,
      leave: async () => {
        const away = nextState(traveller.client, 'waiting')
        way.cut()
        await away
      },
      comeBack: async (to: string) => {
        const back = nextState(traveller.client, 'open')
        way.heal(portOf(to))
        await back
      }
    }
  }
  const stayed: Array<{ room: RoomHandle, told: Told[] }> = []
  for (const { wsUrl } of [north, south, north, south]) stayed.push(await enter(wsUrl))
  const early = await travel(north.url)
  const late = await travel(south.url)
  const publishing = new Publishing('lobby', [north, south], stayed.slice(0, 2).map(({ room }) => room))

  for (let round = 1; round <= PROMOTIONS; round++) {
    const replication = await startProxy(t, redis.url)
    const replica = await startRedis(t, { replicaOf: replication.port })
    await publishing.more('published', 5, isPublished)
    await early.leave()
    await replica.hasCaughtUp(redis)
    replication.cut()
    await publishing.more('published', 5, isPublished)
    await until('what the replica has not', true, async () => (late.room.position?.offset ?? 0) > (early.room.position?.offset ?? Infinity))
    await late.leave()
    redisWay.cut()
    await redis.kill()
    await replica.promote()
    redisWay.heal(replica.port)
    await publishing.more('published again', 5, isPublished)
    for (const { told } of stayed) await until('a gap', round, () => gapsIn(told).length, RETURN_MS)
    const [to, from] = round % 2 === 1 ? [south, north] : [north, south]
    await Promise.all([early.comeBack(to.url), late.comeBack(from.url)])
    redis = replica
  }
  await publishing.end()
  const end = await early.room.publish('the end')
  for (const { told } of [...stayed, early, late]) await until('the last message', 'the end', () => messagesIn(told).at(-1), RETURN_MS)

  const held = await south.history('lobby')
  t.same(held.map(({ offset }) => offset), Array.from({ length: end.offset ?? 0 }, (_, index) => index + 1), 'one numbering, without a hole')
  const data = held.map(one => one.data)
  for (const { data, ...position } of [...publishing.published(), ...held]) ledger.note(position, data)
  t.same(ledger.faults, [], 'nothing was left out untold, and no position meant two things')
  const [first] = stayed
  for (const { told } of stayed) t.same(gapsIn(told), gapsIn(first?.told ?? []), 'everyone who stayed was told the same gaps')
  for (const { told } of [...stayed, late]) {
    t.equal(gapsIn(told).length, PROMOTIONS)
    t.same(messagesIn(told, 'since the last gap'), data.slice(gapsIn(told).at(-1)?.offset), 'and got all that followed')
  }
  t.same(gapsIn(early.told), [], 'who left before the lag was told no gap')
  t.same(messagesIn(early.told), data, 'and got the whole history, over all promotions')
  const epochs = gapsIn(first?.told ?? []).map(({ epoch }) => epoch)
  t.equal(new Set(epochs).size, PROMOTIONS, 'each promotion began a new epoch')
  const lost = publishing.published().filter(one => !data.includes(one.data)).length
  t.comment(`${publishing.published().length} published, ${lost} of them lost with their Redis; recovered ${early.told.flatMap(one => one.type === 'recovered' ? [one.count] : []).join(' ')}`)
})
