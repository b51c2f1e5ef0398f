import t from 'tap'
import { fakeTime } from '../helpers/fake-clock.ts'
import { connectionsOf, startMemoryNode, type Peer } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'

const BURST = 10
const settings = { maxFramesPerSecond: 1, frameBurst: BURST }

function ping (peer: Peer, count: number): void {
  for (let id = 1; id <= count; id++) peer.send({ type: 'ping', id })
}

t.test('P17: a frame over the budget is answered in its turn, with its id, its room and a time, and changes nothing', async t => {
  fakeTime(t)
  const { node, connect } = await startMemoryNode(t, { settings })
  const alice = await connect('alice')
  ping(alice, BURST)
  alice.send({ type: 'subscribe', id: 'over', room: 'lobby' }, { type: 'publish', id: 'too', room: 'lobby', data: 1 })
  for (let id = 1; id <= BURST; id++) t.match(await alice.next('pong'), { type: 'pong', id })
  t.match(await alice.next('refusal'), { type: 'error', id: 'over', room: 'lobby', code: 'rate_limited', retryAfterMs: 1_000 })
  t.match(await alice.next('refusal'), { type: 'error', id: 'too', room: 'lobby', code: 'rate_limited', retryAfterMs: 2_000 })
  t.equal(node.roomCount, 2, 'its personal room, and that of everyone')
  t.ok(alice.connection.isOpen)
})

t.test('P17: who goes on is told once more, closed with 4429, and nothing of it is left', async t => {
  const { node, store, connect } = await startMemoryNode(t, { settings })
  const alice = await connect('alice')
  ping(alice, 2 * BURST + 5)
  const { frames, code, reason } = await alice.closed()
  t.match({ code, reason }, { code: 4429, reason: 'flooding' })
  t.match(frames.at(-1), { type: 'error', id: 2 * BURST + 1, code: 'rate_limited' }, 'also where what waited before it is dropped')
  await node.drain()
  t.same([node.connectionCount, node.roomCount, await connectionsOf(store, 'alice')], [0, 0, []])
})

t.test('a frame over the budget need not be one to be refused, and one within it is looked at', async t => {
  const { connect } = await startMemoryNode(t, { settings })
  const alice = await connect('alice')
  ping(alice, BURST)
  alice.sendText(']')
  for (let id = 1; id <= BURST; id++) await alice.next('pong')
  t.match(await alice.next('refusal'), { type: 'error', code: 'rate_limited' })
  const bob = await connect('bob')
  bob.sendText(']')
  t.match(await bob.closed(), { frames: [{ code: 'frame_invalid' }], code: 4400 }, 'each connection has a budget of its own')
})

t.test('P01: the welcome comes first also for who sends too much before it', async t => {
  const broker = new ScriptedBroker()
  const { arrive } = await startMemoryNode(t, { settings, broker })
  const goOn = broker.hold('position')
  const [eager, flooding] = [arrive('alice'), arrive('bob')]
  ping(eager, BURST + 1)
  ping(flooding, 2 * BURST + 1)
  t.match(await flooding.closed(), { frames: [], code: 4429 }, 'who is not welcomed yet is told by the close alone')
  goOn()
  t.match(await eager.next('welcome'), { type: 'welcome' })
  for (let id = 1; id <= BURST; id++) t.match(await eager.next('pong'), { type: 'pong', id })
  t.match(await eager.next('refusal'), { type: 'error', id: BURST + 1, code: 'rate_limited' })
})

t.test('pings and pongs of the transport count as frames, without an answer', async t => {
  const { connect } = await startMemoryNode(t, { settings })
  const alice = await connect('alice')
  for (let count = 0; count < BURST; count++) alice.connection.receiveSign()
  t.match(await alice.ask({ type: 'ping' }), { code: 'rate_limited' })
  for (let count = 0; count < BURST; count++) alice.connection.receiveSign()
  t.match(await alice.closed(), { frames: [], code: 4429 })
})
