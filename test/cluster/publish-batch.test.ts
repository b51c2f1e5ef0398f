import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { RoomcastOptions } from '../../src/app.ts'
import { startHost, type Host } from '../embedded/host.ts'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { API_KEY, type ServerProcess } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'

const SLOW_MS = 100

const cluster = await startCluster(t, { nodes: 2 })
const [node1, node2] = cluster.pair()

interface Result {
  readonly statusCode: number
  readonly code?: string
  readonly publications?: ReadonlyArray<{ readonly room: string, readonly offset: number, readonly duplicate: boolean }>
}

/** One more node of the cluster, within a host that is asked before anything is published. */
function host (t: Test, onPublish: NonNullable<RoomcastOptions['onPublish']>): Promise<Host> {
  const apiKeys = [{ name: 'tests', key: API_KEY }]
  return startHost(t, { jwtSecret: JWT_SECRET, apiKeys, redisUrl: cluster.redis.url, keyPrefix: cluster.prefix, onPublish })
}

async function publish (node: ServerProcess, publishes: readonly unknown[]): Promise<Result[]> {
  const { status, body, text } = await node.post('/publish/batch', JSON.stringify({ publishes }))
  if (status !== 200) throw new Error(`answered ${status}: ${text}`)
  return body['results'] as Result[]
}

/** Two rooms of the test's own, with somebody in both of them on each node. */
async function rooms (t: Test): Promise<{ rooms: [string, string], everybody: TestClient[] }> {
  const rooms: [string, string] = [randomUUID(), randomUUID()]
  const everybody = await Promise.all([node1, node2].map(async node => {
    const client = await connect(t, { url: node.wsUrl, token: memberToken('alice') })
    for (const room of rooms) await client.subscribe(room)
    return client
  }))
  return { rooms, everybody }
}

/** What each has received in a room. */
async function receivedIn (room: string, clients: readonly TestClient[]): Promise<unknown[][]> {
  return (await receivedBy(node1, clients)).map(frames => frames.flatMap(frame => frame.type === 'message' && frame.room === room ? [frame.data] : []))
}

/** A batch for two rooms, in which every kind of item lies between others: its numbers are those of the first room. */
function mixed ([a, b]: [string, string], length: number): Array<Record<string, unknown>> {
  return Array.from({ length }, (_, data) => {
    switch (data % 4) {
      case 0: return { room: a, data }
      case 1: return { rooms: [b, a], data, key: `${data}` }
      case 2: return { room: a, data, key: `${data}` }
      default: return { rooms: [a, b], data }
    }
  })
}

t.test('a room gets the publications of a batch in the batch\'s order, whatever lies between them, on every node', async t => {
  for (let round = 0; round < 5; round++) {
    const { rooms: both, everybody } = await rooms(t)
    const results = await publish(node1, mixed(both, 200))
    t.same(results.map(({ publications = [] }) => publications.find(({ room }) => room === both[0])?.offset), Array.from({ length: 200 }, (_, n) => n + 1))
    const numbers = Array.from({ length: 200 }, (_, n) => n)
    const received = (await receivedBy(node1, everybody)).map(frames => both.map(room =>
      frames.flatMap(frame => frame.type === 'message' && frame.room === room ? [frame.data] : [])))
    for (const inBoth of received) t.same(inBoth, [numbers, numbers.filter(n => n % 2 === 1)])
  }
})

t.test('a thousand in one batch, of which none was there before and half is the second time', async t => {
  const { rooms: [a], everybody } = await rooms(t)
  const thousand = Array.from({ length: 1_000 }, (_, data) => ({ room: a, data, key: `${data}` }))
  await publish(node1, thousand.filter(({ data }) => data % 2 === 0))
  const results = await publish(node2, thousand)
  t.same(results.map(({ publications }) => publications?.[0]?.duplicate), thousand.map(({ data }) => data % 2 === 0))
  t.same(results.map(({ publications }) => publications?.[0]?.offset), thousand.map(({ data }) => data % 2 === 0 ? data / 2 + 1 : 500 + (data + 1) / 2))
  const wanted = [...thousand.filter(({ data }) => data % 2 === 0), ...thousand.filter(({ data }) => data % 2 === 1)].map(({ data }) => data)
  for (const data of await receivedIn(a, everybody)) t.same(data, wanted)
})

t.test('the order holds where the host takes its time over some, and what it refuses stops nothing', async t => {
  const { rooms: both, everybody } = await rooms(t)
  const asked: unknown[] = []
  const { app, url } = await host(t, async ({ data }) => {
    asked.push(data)
    const n = Number(data)
    if (n % 3 === 0) await delay(SLOW_MS - n)
    if (n % 10 === 9) throw new Error('a bug of the host')
    return n % 10 === 5 ? 'refuse' : 'accept'
  })
  const isAccepted = (n: number): boolean => n % 10 !== 9 && n % 10 !== 5
  const numbers = Array.from({ length: 60 }, (_, n) => n)
  const answer = await fetch(`${url}/realtime/publish/batch`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ publishes: mixed(both, 60) })
  })
  t.equal(answer.status, 200)
  const { results } = await answer.json() as { results: Result[] }
  t.same(results.map(({ statusCode, code }) => [statusCode, code]), numbers.map(n => isAccepted(n) ? [200, undefined] : [403, 'publication_refused']))
  t.same(new Set(asked), new Set(numbers), 'the host is asked about each')
  for (const data of await receivedIn(both[0], everybody)) t.same(data, numbers.filter(isAccepted))

  const [a] = both
  const outcomes = await app.realtime.publishBatch([
    { target: { room: a }, data: 0 }, { target: { room: '$all' }, data: 1 }, { target: { room: a }, data: 5 }, { target: { rooms: [a, a] }, data: 1, key: '1' },
    { target: { room: a }, data: 3, key: '1' }, { target: { room: a }, data: 2, volatile: true }
  ])
  t.match(outcomes, [
    { status: 'fulfilled', value: [{ room: a, duplicate: false }] },
    { status: 'rejected', reason: { code: 'room_forbidden' } },
    { status: 'rejected', reason: { code: 'publication_refused' } },
    { status: 'fulfilled', value: [{ room: a, duplicate: false }] },
    { status: 'rejected', reason: { code: 'key_reused' } },
    { status: 'fulfilled', value: [{ room: a, offset: undefined, duplicate: false }] }
  ])
  for (const data of await receivedIn(a, everybody)) t.same(data, [0, 1, 2])
})

t.test('what the host refuses for one room of an item happens in none of its rooms', async t => {
  const { rooms: [a, b], everybody } = await rooms(t)
  const { app } = await host(t, ({ room, data }) => room === b && data === 'no' ? 'refuse' : 'accept')
  const outcomes = await app.realtime.publishBatch([
    { target: { room: a }, data: 'yes' }, { target: { rooms: [a, b] }, data: 'no' }, { target: { rooms: [a, b] }, data: 'yes' }
  ])
  t.same(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  for (const data of await receivedIn(a, everybody)) t.same(data, ['yes', 'yes'])
})

t.end()
