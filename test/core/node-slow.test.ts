import t, { type Test } from 'tap'
import { SETTINGS, startMemoryNode } from './fixtures/memory-node.ts'

const MARK = SETTINGS.maxBufferedBytes
const rooms = [{ pattern: 'prices', slow: 'latest' }] as const

/** A node with a room whose slow ones get the newest only, and two connections in it. */
async function startLatest (t: Pick<Test, 'after'>) {
  const { node, realtime, connect } = await startMemoryNode(t, { settings: { rooms, maxFrameBytes: MARK } })
  const [slow, fast] = [await connect('slow'), await connect('fast')]
  for (const peer of [slow, fast]) await peer.ask({ type: 'subscribe', room: 'prices' })
  const publish = (data: unknown) => realtime.publish({ room: 'prices' }, data)
  return { node, realtime, slow, fast, publish }
}

t.test('a connection gets everything until more than half its mark waits, and then the newest, once that has gone out', async t => {
  const { slow, fast, publish } = await startLatest(t)
  slow.transport.bufferedBytes = MARK / 2
  await publish(1)
  t.match(await slow.rest(), [{ data: 1 }])
  slow.transport.bufferedBytes++
  for (const data of [2, 3, 4]) await publish(data)
  t.same(await slow.rest(), [])
  slow.transport.drain()
  const frames = await slow.rest()
  t.match(frames, [{ type: 'message', room: 'prices', offset: 4, data: 4, skipped: true }])
  t.equal(frames.length, 1)
  t.match(await fast.rest(), [{ data: 1 }, { data: 2 }, { data: 3 }, { data: 4 }])
})

t.test('what would take a connection beyond its mark is held too, so that the room alone never ends it', async t => {
  const { slow, publish } = await startLatest(t)
  slow.transport.bufferedBytes = MARK / 2
  await publish('x'.repeat(MARK / 2))
  t.same(await slow.rest(), [])
  slow.transport.drain()
  t.equal((await slow.rest()).length, 1)
  t.ok(slow.connection.isOpen)
})

t.test('other rooms still end a connection that does not read, however little this one sends it', async t => {
  const { realtime, slow, publish } = await startLatest(t)
  slow.transport.bufferedBytes = MARK
  await publish(1)
  t.ok(slow.connection.isOpen)
  slow.transport.bufferedBytes++
  await realtime.publish({ everyone: true }, 2)
  t.match(await slow.closed(), { frames: [{ data: 2 }], code: 4413 })
  slow.transport.drain()
})

t.test('what is held when the node shuts down goes out before the close', async t => {
  const { node, slow, publish } = await startLatest(t)
  slow.transport.bufferedBytes = MARK / 2 + 1
  for (const data of [1, 2]) await publish(data)
  await node.drain()
  t.match(await slow.closed(), { frames: [{ data: 2, skipped: true }], code: 1001 })
})
