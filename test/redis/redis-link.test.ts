import t, { type Test } from 'tap'
import { RoomcastError } from '../../src/core/errors.ts'
import type { Publication } from '../../src/core/publication.ts'
import { answered } from '../conformance/broker-cluster.ts'
import { connectionOf, memberOf, reportOf, roomOf } from '../conformance/presence-store.ts'
import { Inbox } from '../helpers/inbox.ts'
import { randomPrefix, RedisNode } from '../helpers/redis-backend.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { until } from '../helpers/until.ts'

/** The design allows 2 s for a refusal; the rest is for a busy machine. */
const REFUSAL_MS = 3_000
const NODE = { nodeId: 'n1', nodeName: 'n' }

/** A node that has a room, a lease and a connection, and what it hears. */
async function start (t: Test) {
  const redis = await startRedis(t)
  const { broker, store, keys } = await RedisNode.connect(t, redis, { prefix: randomPrefix() })
  const publications = new Inbox<Publication>()
  const resubscriptions = new Inbox<'resubscribed'>()
  await broker.start({
    onPublication: publication => { publications.push(publication) },
    onVolatile: () => {},
    onMemberEvent: () => {},
    onForget: () => {},
    onResubscribed: () => { resubscriptions.push('resubscribed') }
  })
  await broker.subscribe('lobby')
  await store.takeLease(NODE, reportOf())
  await store.register(NODE, connectionOf())
  await store.register(NODE, memberOf())
  const calls = () => ({
    publish: broker.publish({ room: 'lobby', data: '"refused"' }),
    position: broker.position('lobby'),
    subscribe: broker.subscribe('attic'),
    check: broker.check(),
    takeLease: store.takeLease({ nodeId: 'n2', nodeName: 'n' }, reportOf()),
    renewLease: store.renewLease(NODE, reportOf()),
    releaseLease: store.releaseLease({ nodeId: 'n3', nodeName: 'n' }, 0),
    'register connection': store.register(NODE, connectionOf({ connectionId: 'c2' })),
    'register member': store.register(NODE, memberOf({ connectionId: 'c2', userId: 'bob' })),
    'register room': store.register(NODE, roomOf('attic')),
    'remove connection': store.remove('n1', connectionOf()),
    'remove member': store.remove('n1', memberOf()),
    entriesOf: store.entriesOf('n3'),
    bury: store.bury('n3'),
    users: store.users(['alice']),
    members: store.members('lobby'),
    membersPage: store.membersPage('lobby', '', 10),
    occupancy: store.occupancy('lobby'),
    rooms: store.rooms('', '', 10)
  })
  return { redis, broker, store, keys, publications, resubscriptions, calls }
}

/** The codes with which calls were refused, or what else became of them. */
async function outcomes (calls: Readonly<Record<string, Promise<unknown>>>): Promise<Record<string, string>> {
  const settled = Object.entries(calls).map(async ([name, call]) => {
    const outcome = await answered(`answer to ${name}`, call, REFUSAL_MS).then(() => 'done', (error: unknown) => error)
    return [name, outcome instanceof RoomcastError ? outcome.code : String(outcome)]
  })
  return Object.fromEntries(await Promise.all(settled))
}

t.test('while Redis is away every call is refused at once with unavailable', async t => {
  const { redis, calls, broker } = await start(t)
  await redis.kill()
  await until('link', 'unavailable', async () => (await outcomes({ position: broker.position('lobby') }))['position'])
  t.same(new Set(Object.values(await outcomes(calls()))), new Set(['unavailable']))
  await answered('answer', broker.unsubscribe('lobby'), REFUSAL_MS)
})

t.test('calls that are under way when Redis dies are answered', async t => {
  const { redis, calls } = await start(t)
  const under = outcomes(calls())
  await redis.kill()
  const refusals = Object.entries(await under).filter(([, outcome]) => !['done', 'unavailable', 'outcome_unknown'].includes(outcome))
  t.same(refusals, [])
})

t.test('when Redis is back the rooms are subscribed again by themselves, the node is told, and a lost numbering has a new epoch', async t => {
  const { redis, broker, publications, resubscriptions } = await start(t)
  const { epoch } = await broker.publish({ room: 'lobby', data: '1' })
  await publications.next('publication before')
  await redis.restart({ empty: true })
  await resubscriptions.next('resubscription')
  const after = await until('publisher', 'done', async () => (await outcomes({ check: broker.check() }))['check'])
    .then(() => broker.publish({ room: 'lobby', data: '2' }))
  t.equal(after.offset, 1)
  t.not(after.epoch, epoch)
  t.match(await publications.next('publication after'), { room: 'lobby', epoch: after.epoch, offset: 1 })
})

t.test('a room that was unsubscribed while Redis was away is not subscribed again', async t => {
  const { redis, broker, keys, publications, resubscriptions } = await start(t)
  await broker.subscribe('attic')
  await redis.kill()
  await broker.unsubscribe('lobby')
  await redis.restart({ empty: true })
  await resubscriptions.next('resubscription')
  await until('publisher', 'done', async () => (await outcomes({ check: broker.check() }))['check'])
  await broker.publish({ room: 'lobby', data: '1' })
  await broker.publish({ room: 'attic', data: '"barrier"' })
  t.match(await publications.next('barrier'), { room: 'attic' })
  t.same(publications.drain(), [])
  t.same(await redis.command('PUBSUB', 'NUMSUB', keys.roomChannel('lobby')), [keys.roomChannel('lobby'), 0])
})

t.test('a lease is lost with a Redis that came back empty', async t => {
  const { redis, store } = await start(t)
  await redis.restart({ empty: true })
  t.ok(await until('answer', { status: 'lost' }, () => store.renewLease(NODE, reportOf()).catch(() => ({ status: 'no answer yet' }))))
  t.match(await store.users(['alice']), [{ online: false, connections: [] }])
})

t.test('a call that was refused while Redis did not answer does not happen when it answers again', async t => {
  const { redis, broker, store, publications, calls } = await start(t)
  const before = await broker.position('lobby')
  redis.pause()
  const codes = await outcomes(calls())
  redis.resume()
  t.same(Object.entries(codes).filter(([, code]) => code !== 'unavailable' && code !== 'outcome_unknown'), [])
  await until('link', 'done', async () => (await outcomes({ check: broker.check() }))['check'], 10_000)
  t.same(await broker.position('lobby'), before, 'nothing was published')
  const [alice] = await store.users(['alice'])
  t.same(alice?.connections.map(({ connectionId }) => connectionId), ['c1'], 'nothing registered, nothing removed')
  t.match(await store.members('lobby'), { version: 1, members: [{ userId: 'alice' }] }, 'nobody joined, nobody left')
  t.same((await store.rooms('', '', 10)).rooms, [], 'no room listed')
  t.same(await store.renewLease({ nodeId: 'n2', nodeName: 'n' }, reportOf()), { status: 'lost' }, 'no lease taken')
  t.same(publications.drain(), [])
})
