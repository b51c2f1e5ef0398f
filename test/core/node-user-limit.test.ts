import t from 'tap'
import { replaceable } from '../../src/core/admission.ts'
import { until } from '../helpers/until.ts'
import { createCodec, FakeTransport } from './fixtures/fake-transport.ts'
import { connectionsOf, startMemoryNode, type Peer } from './fixtures/memory-node.ts'

const MOST = 2
const refuse = { settings: { maxConnectionsPerUser: MOST, connectionsPerUserPolicy: 'refuse' } } as const
const replace = { settings: { maxConnectionsPerUser: MOST, connectionsPerUserPolicy: 'replace' } } as const

function idsOf (peers: readonly Peer[]): string[] {
  return peers.map(({ connection }) => connection.connectionId)
}

t.test('one connection more than a user may have is closed, and the others stay', async t => {
  const { connect, arrive, store, node } = await startMemoryNode(t, refuse)
  const peers = [await connect('alice'), await connect('alice')]
  t.match(await arrive('alice').closed(), { frames: [], code: 4429 })
  await connect('bob')
  t.same(new Set((await connectionsOf(store, 'alice')).map(({ connectionId }) => connectionId)), new Set(idsOf(peers)))
  t.equal(node.connectionCount, 3)
  peers[0]?.connection.close('goingAway')
  await until('one left', 1, async () => (await connectionsOf(store, 'alice')).length)
  await connect('alice')
})

t.test('of many that come at once no more are let in than may be', async t => {
  const { arrive, store } = await startMemoryNode(t, refuse)
  const peers = Array.from({ length: 20 }, () => arrive('alice'))
  const first = await Promise.allSettled(peers.map(peer => peer.next('welcome')))
  t.equal(first.filter(({ status }) => status === 'fulfilled').length, MOST)
  t.equal((await connectionsOf(store, 'alice')).length, MOST)
})

t.test('the connection that is resumed does not count, though it may be half-open still', async t => {
  const { connect, node, store } = await startMemoryNode(t, { settings: { ...refuse.settings, maxConnectionsPerUser: 1 } })
  const lost = await connect('alice')
  const transport = new FakeTransport()
  const back = node.connect({ transport, codec: createCodec(), claims: { sub: 'alice' }, mode: 'resume' })
  back.receive(Buffer.from(JSON.stringify({ type: 'resume', connectionId: lost.connection.connectionId, rooms: [] })), 'text')
  t.match(await transport.inbox.next('welcome'), { type: 'welcome' })
  t.equal(node.connectionCount, 2)
  t.equal((await connectionsOf(store, 'alice')).length, 2)
})

t.test('with the policy to replace the oldest gives way', async t => {
  const { connect, store } = await startMemoryNode(t, replace)
  const [oldest, ...others] = [await connect('alice'), await connect('alice'), await connect('alice')]
  t.same(await oldest.closed(), { frames: [], code: 4409, reason: 'replaced by a newer connection' })
  for (const other of others) t.same(await other.rest(), [])
  await until('connections', MOST, async () => (await connectionsOf(store, 'alice')).length)
})

t.test('with the policy to replace many that come at once come down to what may be', async t => {
  const { arrive, store, node } = await startMemoryNode(t, replace)
  for (let n = 0; n < 20; n++) arrive('alice')
  await until('connections', [MOST, MOST], async () => [node.connectionCount, (await connectionsOf(store, 'alice')).length])
})

t.test('as many of the oldest give way as are too many, and never the new one', async t => {
  const records = ['a', 'b', 'c', 'new'].map((connectionId, connectedAt) => (
    { connectionId, connectedAt, userId: 'alice', nodeId: 'n', nodeName: 'n', transport: 'fake', info: null }))
  t.same(replaceable(records, 'new', 4), [])
  t.same(replaceable(records, 'new', 3), ['a'])
  t.same(replaceable(records, 'new', 1), ['a', 'b', 'c'])
  t.same(replaceable([...records].reverse(), 'new', 2), ['c'], 'wherever a clock puts it')
})
