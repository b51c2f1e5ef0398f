import t from 'tap'
import type { Revocation } from '../../src/core/revocations.ts'
import { MemoryBroker } from '../../src/memory/memory-broker.ts'
import { MemoryRevocations } from '../../src/memory/memory-revocations.ts'
import { until } from '../helpers/until.ts'
import { startMemoryNode } from './fixtures/memory-node.ts'
import { ScriptedBroker } from './fixtures/scripted-broker.ts'

const expiresAt = Date.now() + 3_600_000

t.test('a revocation ends what it is about with 4401, and nobody else', async t => {
  const { connect, realtime } = await startMemoryNode(t)
  const [first, second, bob] = [await connect('alice', { jti: '1' }), await connect('alice', { jti: '2' }), await connect('bob', { jti: '1' })]
  await realtime.revoke({ user: 'alice', jti: '1', expiresAt })
  t.match(await first.closed(), { code: 4401, reason: 'token expired or revoked' })
  t.same([await second.rest(), await bob.rest()], [[], []])
  t.equal(bob.connection.isOpen, true)
})

t.test('who comes by a revoked token is let in nowhere', async t => {
  const { arrive, realtime, node } = await startMemoryNode(t)
  await realtime.revoke({ user: 'alice', expiresAt })
  await until('revocation', true, () => node.revoker.isRevoked({ sub: 'alice' }))
  t.throws(() => { node.revoker.assertValid({ sub: 'alice' }) }, { code: 'unauthorized' })
  t.same(await arrive('alice').closed(), { frames: [], code: 4401, reason: 'token expired or revoked' })
  t.equal(node.connectionCount, 0)
})

t.test('a ban ends the subscription, tells the client, and refuses everything in the room', async t => {
  const { connect, realtime } = await startMemoryNode(t)
  const alice = await connect('alice')
  await alice.ask({ type: 'subscribe', room: 'lobby' })
  await realtime.revoke({ user: 'alice', room: 'lobby', expiresAt })
  t.match(await alice.next('end of the subscription'), { type: 'unsubscribed', room: 'lobby', code: 'room_forbidden' })
  await realtime.publish({ room: 'lobby' }, 'after')
  for (const frame of [{ type: 'subscribe' }, { type: 'publish', data: 1 }, { type: 'history' }, { type: 'presence' }]) {
    t.match(await alice.ask({ ...frame, room: 'lobby' }), { type: 'error', code: 'room_forbidden', room: 'lobby' }, frame.type)
  }
  t.match(await alice.ask({ type: 'subscribe', room: 'hall' }), { type: 'subscribed' })
  t.same(await alice.rest(), [])
})

t.test('a ban that comes while a subscribe is under way ends it when it is there', async t => {
  const broker = new ScriptedBroker()
  const { connect, realtime } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  const release = broker.hold('subscribe')
  alice.send({ type: 'subscribe', room: 'lobby', id: 1 })
  await until('subscribe', true, () => broker.calls.includes('subscribe lobby'))
  await realtime.revoke({ user: 'alice', room: 'lobby', expiresAt })
  await new Promise(resolve => { setImmediate(resolve) })
  release()
  t.match([await alice.next('subscribed'), await alice.next('unsubscribed')], [{ type: 'subscribed' }, { type: 'unsubscribed', code: 'room_forbidden' }])
})

t.test('a room of the token from which it is banned is refused, and the others begin', async t => {
  const { arrive, realtime } = await startMemoryNode(t)
  await realtime.revoke({ user: 'alice', room: 'lobby', expiresAt })
  await new Promise(resolve => { setImmediate(resolve) })
  const alice = arrive('alice', { rooms: ['lobby', 'hall'] })
  t.match(await alice.next('welcome'), { type: 'welcome', rooms: [{ room: '$user:alice' }, { room: '$all' }, { room: 'hall' }] })
  t.match(await alice.next('refusal'), { type: 'error', room: 'lobby', code: 'room_forbidden' })
})

t.test('a node knows when it starts what was revoked before', async t => {
  const revocations = new MemoryRevocations()
  await revocations.add({ user: 'alice', expiresAt })
  const { arrive } = await startMemoryNode(t, { revocations })
  t.match(await arrive('alice').closed(), { code: 4401 })
})

t.test('after an interruption a node learns what it missed, and tells the store what that has lost', async t => {
  const broker = new ScriptedBroker()
  const kept: Revocation[] = []
  const revocations = { add: async (one: Revocation) => { kept.push(one) }, all: async () => [...kept], close: async () => {} }
  const { connect, realtime } = await startMemoryNode(t, { broker, revocations })
  const bob = await connect('bob')
  await realtime.revoke({ user: 'alice', expiresAt })
  await new Promise(resolve => { setImmediate(resolve) })
  kept.splice(0, kept.length, { user: 'bob', expiresAt })
  broker.heal()
  t.match(await bob.closed(), { code: 4401 })
  await until('what the store keeps', ['bob', 'alice'], () => kept.map(({ user }) => user))
})

t.test('what cannot be stored is refused, and changes nothing', async t => {
  const revocations = new MemoryRevocations({ most: 0 })
  const { connect, realtime } = await startMemoryNode(t, { revocations })
  const alice = await connect('alice')
  await t.rejects(realtime.revoke({ user: 'alice', expiresAt }), { code: 'limit_exceeded' })
  t.same(await alice.rest(), [])
})

t.test('a command that this node does not know, or that is none, passes it by', async t => {
  const broker = new MemoryBroker()
  const { connect, realtime } = await startMemoryNode(t, { broker })
  const alice = await connect('alice')
  for (const data of ['{"type":"dance"}', '{"type":"revoke","revocation":{}}', '7', 'null']) await broker.publish({ room: '$control', data })
  await realtime.revoke({ user: 'alice', expiresAt })
  t.match(await alice.closed(), { frames: [], code: 4401 })
})
