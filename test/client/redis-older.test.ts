import t, { type Test } from 'tap'
import type { Position } from '../../client/index.ts'
import { startCluster, type Cluster } from '../helpers/cluster.ts'
import { publishTo } from '../helpers/outcomes.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { sweep, whole } from '../helpers/sweep.ts'
import { until } from '../helpers/until.ts'
import { gapsIn, Ledger, messagesIn } from './ledger.ts'
import { connectClient, nextState } from './library-client.ts'
import { portOf, startProxy, type TcpProxy } from './tcp-proxy.ts'

const KEPT = 5
const NEW = 4
const RETURN_MS = 15_000
const env = { HEARTBEAT_MS: '500', LEASE_MS: '3000' }
/** Clients are subscribed to the first on both nodes; of the second no node has anything in its memory. */
const ROOMS = ['lobby', 'attic'] as const

interface Backend {
  readonly cluster: Cluster
  /** What Redis holds now is what it will fall back to. */
  readonly mark: () => Promise<void>
  readonly fallBack: () => Promise<void>
}

async function withSnapshot (t: Test): Promise<Backend> {
  const cluster = await startCluster(t, { env })
  const { redis } = cluster
  return { cluster, mark: () => redis.save(), fallBack: () => redis.restart({ from: 'snapshot' }) }
}

async function withReplica (t: Test): Promise<Backend> {
  const redis = await startRedis(t)
  const [way, replication] = [await startProxy(t, redis.url), await startProxy(t, redis.url)]
  const replica = await startRedis(t, { replicaOf: replication.port })
  return {
    cluster: await startCluster(t, { redis, env: { ...env, REDIS_URL: way.redisUrl } }),
    mark: async () => {
      await replica.hasCaughtUp(redis)
      replication.cut()
    },
    fallBack: async () => {
      way.cut()
      await redis.kill()
      await replica.promote()
      way.heal(replica.port)
    }
  }
}

/** Publishes on both nodes in turn; the data name the era and the offset, such as `old 4`. Resolves with the epoch. */
async function publish ({ cluster, ledger, room, era }: { cluster: Cluster, ledger: Ledger, room: string, era: string }, from: number, to: number): Promise<string> {
  const nodes = cluster.pair()
  let epoch = ''
  for (let offset = from; offset <= to; offset++) {
    const data = `${era} ${offset}`
    const position = await publishTo(nodes[offset % 2] ?? nodes[0], room, data)
    if (position.offset !== offset) throw new Error(`${data} got offset ${position.offset}`)
    ledger.note(position, data)
    epoch = position.epoch
  }
  return epoch
}

function names (era: string, from: number, to: number): string[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => `${era} ${from + index}`)
}

/** The ids of the nodes that vouch for who stays connected. */
async function vouchers ({ nodes }: Cluster, userId: string): Promise<string[]> {
  const answers = await Promise.all(nodes.map(node => node.presence(userId).catch(() => ({ connections: [] }))))
  return answers.flatMap(({ connections }) => connections.map(({ nodeId }) => nodeId))
}

/** Asks every node since every position of an epoch up to one; up to `upTo` exactly `data` follows, and later ones mean nothing. */
async function recovers (t: Test, { nodes }: Cluster, room: string, { epoch, offset: to }: Position, upTo: number, data: readonly string[]): Promise<void> {
  const question = { room, epoch, to }
  for (const node of nodes) t.same(await sweep(t, node, question), whole({ from: 0, upTo, data }, question), `${room} on ${node.name}`)
}

for (const { what, start } of [{ what: 'Redis is restarted from a snapshot', start: withSnapshot }, { what: 'a replica is promoted', start: withReplica }]) {
  for (const { state, lost } of [{ state: 'lags by five publications', lost: 5 }, { state: 'has all', lost: 0 }]) {
    t.test(`when ${what} that ${state}, positions up to where it is recover, and later ones are told`, async t => {
      const { cluster, mark, fallBack } = await start(t)
      const [north, south] = cluster.pair()
      const ledgers = { lobby: new Ledger(), attic: new Ledger() }
      const say = async (era: string, from: number, to: number): Promise<Record<typeof ROOMS[number], string>> => {
        const [lobby = '', attic = ''] = await Promise.all(ROOMS.map(room => publish({ cluster, ledger: ledgers[room], room, era }, from, to)))
        return { lobby, attic }
      }
      const enter = async (url: string) => {
        const client = await connectClient(t, url)
        const room = client.room('lobby')
        await room.subscribe()
        return { client, room, told: ledgers.lobby.follow(room) }
      }
      const stayed = [await enter(north.wsUrl), await enter(south.wsUrl)]
      const [earlyWay, lateWay] = [await startProxy(t, north.url), await startProxy(t, south.url)]
      const [early, late] = [await enter(earlyWay.wsUrl), await enter(lateWay.wsUrl)]
      const leave = async ({ client, told }: typeof early, way: TcpProxy, last: string): Promise<void> => {
        await until('what it leaves after', last, () => messagesIn(told).at(-1))
        const away = nextState(client, 'waiting')
        way.cut()
        await away
      }

      await say('old', 1, 3)
      await leave(early, earlyWay, 'old 3')
      const old = await say('old', 4, KEPT)
      await mark()
      const last = KEPT + lost
      await say('old', KEPT + 1, last)
      const unkept = lost > 0 ? await publish({ cluster, ledger: new Ledger(), room: 'cellar', era: 'old' }, 1, 2) : undefined
      await leave(late, lateWay, `old ${last}`)
      for (const { told } of stayed) await until('all of the old era', names('old', 1, last), () => messagesIn(told))

      const before = await vouchers(cluster, 'alice')
      await fallBack()
      await until('connections that nodes vouch for under new ids', 4, async () =>
        (await vouchers(cluster, 'alice')).filter(id => !before.includes(id)).length, RETURN_MS)
      for (const { room } of stayed) await until('a new epoch', true, () => room.position !== undefined && room.position.epoch !== old.lobby, RETURN_MS)
      for (const node of cluster.nodes) await until(`${node.name} ready`, 200, async () => (await node.get('/ready')).status, RETURN_MS)
      const kept = names('old', 1, KEPT)
      for (const room of ROOMS) await recovers(t, cluster, room, { epoch: old[room], offset: last + 1 }, KEPT, kept)
      if (unkept !== undefined) await recovers(t, cluster, 'cellar', { epoch: unkept, offset: 2 }, -1, [])

      const present = await say('new', KEPT + 1, KEPT + NEW)
      const all = [...kept, ...names('new', KEPT + 1, KEPT + NEW)]
      for (const room of ROOMS) {
        t.not(present[room], old[room])
        await recovers(t, cluster, room, { epoch: old[room], offset: last + 1 }, KEPT, all)
        await recovers(t, cluster, room, { epoch: present[room], offset: KEPT + NEW + 1 }, KEPT + NEW, all)
        for (const { data, ...position } of await south.history(room)) ledgers[room].note(position, data)
        for (const offset of [KEPT, last + 1]) {
          const { status } = await north.get(`/rooms/${room}/history?epoch=${old[room]}&offset=${offset}`)
          t.equal(status, offset > KEPT ? 410 : 200, `the history of ${room} since ${offset}`)
        }
      }

      for (const [{ client }, way, { url }] of [[early, earlyWay, south], [late, lateWay, north]] as const) {
        const back = nextState(client, 'open')
        way.heal(portOf(url))
        await back
      }
      await say('new', KEPT + NEW + 1, KEPT + NEW + 1)
      const end = [...all, `new ${KEPT + NEW + 1}`]
      for (const { told } of [...stayed, early, late]) await until('the end', end.at(-1), () => messagesIn(told).at(-1))
      const gap = { epoch: present.lobby, offset: KEPT }
      for (const { told } of stayed) {
        t.same(gapsIn(told), lost > 0 ? [gap] : [], 'who stayed is told where the offsets went back to')
        t.same(messagesIn(told, 'since the last gap'), lost > 0 ? end.slice(KEPT) : end, 'and gets all that follows')
      }
      t.same([gapsIn(early.told), messagesIn(early.told)], [[], end], 'who left before misses nothing')
      t.match(early.told.find(({ type }) => type === 'recovered'), { count: KEPT + NEW - 3 })
      t.same(gapsIn(late.told), lost > 0 ? [{ epoch: present.lobby, offset: KEPT + NEW }] : [], 'who left after is told')
      t.same(messagesIn(late.told, 'since the last gap'), lost > 0 ? end.slice(-1) : end)
      for (const room of ROOMS) t.same(ledgers[room].faults, [], `no offset of ${room} was used twice, and none left out`)
    })
  }
}
