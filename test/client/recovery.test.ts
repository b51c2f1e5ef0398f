import t from 'tap'
import type { Position } from '../../client/index.ts'
import { startCluster } from '../helpers/cluster.ts'
import { Inbox } from '../helpers/inbox.ts'
import { until } from '../helpers/until.ts'
import { connectClient, messagesOf, nextState } from './library-client.ts'
import { portOf, startProxy } from './tcp-proxy.ts'

const CUTS = 10
/** What one cut misses at most; the room keeps a hundred. */
const MAX_MISSED = 50

const cluster = await startCluster(t)
const [north, south] = cluster.pair()

t.test('ten cuts between two nodes, while another publishes, and every message came once and in order', async t => {
  const proxy = await startProxy(t, north.url)
  const client = await connectClient(t, proxy.wsUrl)
  const room = client.room<number>('lobby')
  const personal: unknown[] = []
  client.room('$user:alice').on('message', ({ data }) => { personal.push(data) })
  const seen: number[] = []
  const recovered: number[] = []
  room.on('message', ({ data }) => { seen.push(data) })
  room.on('recovered', count => { recovered.push(count) })
  room.on('gap', position => { t.fail(`a gap at ${position.offset}`) })
  await room.subscribe()

  let published = 0
  const over = new AbortController()
  const publishing = (async () => {
    while (!over.signal.aborted) {
      await until('the client catches up', true, () => over.signal.aborted || published - seen.length < MAX_MISSED, 30_000)
      const node = published % 2 === 0 ? north : south
      t.equal((await node.publish({ room: 'lobby', data: published + 1 })).status, 200)
      published++
    }
  })()
  for (let cut = 1; cut <= CUTS; cut++) {
    const [away, back] = [nextState(client, 'waiting'), nextState(client, 'open')]
    proxy.cut()
    await away
    const target = published + 5
    await until('publications during the cut', true, () => published >= target, 10_000)
    if (cut % 5 === 0) await south.publish({ user: 'alice', data: cut })
    proxy.heal(portOf((cut % 2 === 1 ? south : north).url))
    await back
  }
  over.abort()
  await publishing
  await until('the last message', published, () => seen.at(-1), 10_000)
  t.same(seen, Array.from({ length: published }, (_, index) => index + 1))
  t.equal(recovered.length, CUTS)
  t.ok(recovered.every(count => count > 0), 'each cut missed something')
  t.same(personal, [5, 10], 'the personal room was recovered too')
  t.comment(`${published} publications, recovered ${recovered.join(' ')}`)
})

t.test('P51: a recovery with nothing missed replays nothing', async t => {
  const proxy = await startProxy(t, north.url)
  const client = await connectClient(t, proxy.wsUrl)
  const room = client.room<number>('quiet')
  const messages: Array<[data: number, offset: number | undefined]> = []
  room.on('message', ({ data, offset }) => { messages.push([data, offset]) })
  const recovered: number[] = []
  room.on('recovered', count => { recovered.push(count) })
  await room.subscribe()
  const reconnect = async (): Promise<void> => {
    const back = nextState(client, 'open')
    proxy.cut()
    for (const data of [1, 2, 3]) if (recovered.length === 0) await south.publish({ room: 'quiet', data })
    proxy.heal()
    await back
  }
  await reconnect()
  await reconnect()
  t.same(recovered, [3, 0])
  await south.publish({ room: 'quiet', data: 4 })
  await until('the live one', 4, () => messages.length)
  t.same(messages, [[1, 1], [2, 2], [3, 3], [4, 4]], 'each with its offset, recovered or live')
})

t.test('after a restart of every room\'s memory a client is told the gap, once', async t => {
  const client = await connectClient(t, north.wsUrl)
  const room = client.room<string>('memory')
  const gaps = new Inbox<Position>()
  room.on('gap', position => { gaps.push(position) })
  const messages = messagesOf(room)
  const before = await room.subscribe()
  await cluster.redis.restart({ empty: true })
  for (const node of cluster.nodes) await until(`${node.name} ready`, 200, async () => (await node.get('/ready')).status, 10_000)
  const { epoch } = await gaps.next('the gap', 10_000)
  t.equal((await south.publish({ room: 'memory', data: 'after' })).status, 200)
  t.equal(await messages.next('what follows the gap', 10_000), 'after')
  t.not(epoch, before.epoch)
  t.equal(room.position?.epoch, epoch)
  t.same(gaps.drain(), [])
})

t.end()
