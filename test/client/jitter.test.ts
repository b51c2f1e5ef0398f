import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startCluster, type Cluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { within } from '../helpers/within.ts'
import { startJitteredClient, type JitteredClient } from './jittered-client.ts'
import { PublishRecord } from './publish-record.ts'
import { seeded } from '../helpers/random.ts'

const CLIENTS = 200
const ROOMS = Array.from({ length: 20 }, (_, index) => `room-${index}`)
const ROOMS_PER_CLIENT = 4
const PUBLISHES_PER_SECOND = 100
const RUN_MS = 30_000
/** Publishes in a run, and the last one to each room. */
const DUE = PUBLISHES_PER_SECOND * RUN_MS / 1_000 + ROOMS.length
/** For the last clients to come back, on a busy machine. */
const RETURN_MS = 30_000

/** Set JITTER_SEED to the seed that a failure names, to have its cuts again. */
const SEED = Number(process.env['JITTER_SEED'] ?? Date.now() % 1_000_000)

interface Scene {
  readonly cluster: Cluster
  readonly record: PublishRecord
  readonly clients: readonly JitteredClient[]
}

/** Something that goes wrong beside the cuts, until an instant of `performance.now()`. */
type Fault = (cluster: Cluster, endsAt: number) => Promise<void>

/** Two nodes, and clients in four rooms each, half on either node. */
async function setUp (t: Test): Promise<Scene> {
  const cluster = await startCluster(t)
  const [north, south] = cluster.pair()
  const clients = Array.from({ length: CLIENTS }, (_, index) => startJitteredClient(t, {
    userId: `user-${index}`,
    rooms: Array.from({ length: ROOMS_PER_CLIENT }, (_, step) => roomOf(index + 7 * step)),
    nodes: index % 2 === 0 ? [north, south] : [south, north],
    between: seeded(SEED + index)
  }))
  return { cluster, record: new PublishRecord(), clients: await within('clients in their rooms', RETURN_MS, Promise.all(clients)) }
}

function roomOf (index: number): string {
  return ROOMS[index % ROOMS.length] ?? ''
}

/** Publishes at an even rate to one room after the other, on both nodes in turn, however long the answers take. */
async function publishEvenly ({ cluster, record, clients }: Scene, endsAt: number): Promise<void> {
  const nodes = cluster.pair()
  const answers: Array<Promise<unknown>> = []
  let dueAt = performance.now()
  for (let now = dueAt; now < endsAt; now = performance.now()) {
    // What a client that is lost, or a standstill of this process, held up is left out.
    dueAt = Math.max(dueAt, now - (clients.some(({ isLost }) => isLost) ? 0 : 1_000))
    for (; dueAt < now; dueAt += 1_000 / PUBLISHES_PER_SECOND) {
      const index = answers.length
      // Each room's publications come from both nodes.
      const node = nodes[(index + Math.floor(index / ROOMS.length)) % 2] ?? nodes[0]
      answers.push(record.publish(node, roomOf(index)))
    }
    await delay(10)
  }
  await Promise.all(answers)
}

/** Publishes once more to a room, and once more where the answer was none; what was published before comes before it. */
async function publishLast (record: PublishRecord, node: ServerProcess, room: string): Promise<number | undefined> {
  let id: number | undefined
  await until('a publish that is answered', true, async () => (id = await record.publish(node, room)) !== undefined, RETURN_MS)
  return id
}

/** Cuts, publishes and breaks for half a minute, and waits until every client has the last publication of each of its rooms. */
async function run (scene: Scene, fault?: Fault): Promise<void> {
  const { cluster, record, clients } = scene
  const [node] = cluster.pair()
  const endsAt = performance.now() + RUN_MS
  await Promise.all([publishEvenly(scene, endsAt), ...clients.map(client => client.jitter(endsAt)), fault?.(cluster, endsAt)])
  await until('who is not back', [], () => clients.filter(client => !client.isWhole).map(({ standing }) => standing), RETURN_MS)
  const last = new Map(await Promise.all(ROOMS.map(async room => [room, await publishLast(record, node, room)] as const)))
  const isBehind = ({ receipts }: JitteredClient): boolean => receipts.some(({ room, entries }) => entries.at(-1)?.id !== last.get(room))
  await until('who lacks a last publication', [], () => clients.filter(isBehind).map(({ userId }) => userId), RETURN_MS)
}

/** Holds what the clients have against what was published, and prints the figures. */
function check (t: Test, { record, clients }: Scene): void {
  const { owed, delivered, duplicates, faults } = record.account(clients.flatMap(({ receipts }) => receipts))
  const sum = (count: (client: JitteredClient) => number): number => clients.reduce((total, client) => total + count(client), 0)
  const recoveryMs = clients.flatMap(client => client.recoveryMs).sort((one, other) => one - other)
  const percentile = (share: number): number => Math.round(recoveryMs[Math.ceil(recoveryMs.length * share) - 1] ?? NaN)
  const repeats = clients.flatMap(client => client.repeats)
  // A starved machine does less.
  t.comment(`seed ${SEED}: ${record.total} publishes of ${DUE}, ${record.published} published, ${record.unknown} unknown, ${record.refused} refused`)
  t.comment(`${sum(({ cuts }) => cuts)} cuts, ${sum(({ overtaken }) => overtaken)} of them before the client was back from the last one, ` +
    `${sum(({ spared }) => spared)} spared, ${sum(({ recovered }) => recovered)} publications by recovery`)
  t.comment(`delivered ${(100 * delivered / owed).toFixed(4)} % (${delivered} of ${owed}), duplicates ${duplicates}, on the wire ${repeats.length}, ` +
    `recovery p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, longest ${percentile(1)} ms`)

  t.same(faults.slice(0, 10), [], `every client has every publication once and in order, seed ${SEED}`)
  t.equal(delivered, owed)
  t.equal(duplicates, 0)
  t.same(repeats.slice(0, 10), [], 'no connection brought what the client had')
  t.same(clients.flatMap(({ gaps }) => gaps).slice(0, 10), [], 'nobody was told a gap')
  t.ok(clients.every(({ cuts, recovered }) => cuts > 0 && recovered > 0), 'every client was cut, and missed something by it')
  t.ok(record.published > 0.9 * record.total, 'most publishes were answered')
}

t.test('200 clients whose links are cut every few seconds have every publication once and in order', async t => {
  const scene = await setUp(t)
  await run(scene)
  check(t, scene)
})

t.test('so they have when Redis drops the nodes\' subscriber connections every second', async t => {
  const scene = await setUp(t)
  let killed = 0
  await run(scene, async ({ redis }, endsAt) => {
    while (performance.now() + 1_000 < endsAt) {
      await delay(1_000)
      killed += Number(await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub'))
    }
  })
  check(t, scene)
  t.comment(`${killed} subscriber connections killed`)
  t.ok(killed > 10, 'the nodes lost their subscriber connections again and again')
})

t.test('so they have when a node stands still for three seconds', async t => {
  const scene = await setUp(t)
  await run(scene, async cluster => {
    const [north] = cluster.pair()
    await delay(10_000)
    cluster.pause(north)
    await delay(3_000)
    cluster.resume(north)
  })
  check(t, scene)
})
