import t, { type Test } from 'tap'
import type { Connection } from '../../src/core/connection.ts'
import { Hub } from '../../src/core/hub.ts'
import { entryKeyOf, type PresenceEntry, type Vouched } from '../../src/core/presence-entry.ts'
import { PresenceKeeper } from '../../src/core/presence-keeper.ts'
import { Meters } from '../../src/core/meters.ts'
import { DEFAULT_HISTORY, RoomPolicies } from '../../src/core/room-policies.ts'
import { connectionOf, memberOf, nodeNamed, reportOf } from '../conformance/presence-store.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { until } from '../helpers/until.ts'
import { connectionsOf, RecordedLog } from './fixtures/memory-node.ts'
import { Listener } from './fixtures/listener.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

const LEASE_MS = 10_000
const HOUR_MS = 60 * 60 * 1_000

/** What keeper, hub and room see of a connection. */
class Vouching extends Listener implements Vouched {
  readonly userId: string
  readonly info = null
  isWanted = true
  assertedAt = 0

  constructor (userId: string) {
    super(`c-${userId}`)
    this.userId = userId
  }

  get entryKey (): string { return entryKeyOf(this.entry()) }
  entry (): PresenceEntry { return connectionOf({ connectionId: this.connectionId, userId: this.userId }) }
  override get connection (): Connection { return this as unknown as Connection }
}

/** A keeper with alice and bob in a lobby, a feed without presence, and a room of the server. */
async function start (t: Pick<Test, 'after'>) {
  const clock = new FakeClock()
  const store = new ScriptedStore({ leaseMs: LEASE_MS, now: clock.now })
  const hub = new Hub({ onPending: () => {}, onHole: () => {}, historyOf: () => DEFAULT_HISTORY, slowOf: () => 'disconnect', now: () => Date.now(), meters: new Meters() })
  const log = new RecordedLog()
  const policies = new RoomPolicies([{ pattern: 'feed', presence: false }])
  const keeper = new PresenceKeeper({ hub, store, policies, nodeName: 'n', version: '1.2.3', heartbeatMs: 60_000, now: clock.now, meters: new Meters(), log })
  await keeper.start()
  t.after(() => keeper.stop(0))
  const people = ['alice', 'bob'].map(userId => new Vouching(userId))
  for (const { connection } of people) {
    hub.enlist(connection)
    for (const room of ['lobby', 'feed', '$all']) hub.add(room, connection)
  }
  /** Writes everything for the first time, as entering does. */
  const settle = async () => {
    const rooms = [...hub.rooms()].filter(({ name }) => name !== '$all')
    const memberships = [...hub.room('lobby')?.subscriptions() ?? []]
    for (const vouched of [...people, ...rooms, ...memberships]) await keeper.registrar.register(vouched)
    store.calls.length = 0
  }
  const written = () => store.calls.filter(call => call.startsWith('register')).sort()
  return { clock, store, hub, log, keeper, people, settle, written }
}

/** What is written of them by a node. */
function everythingBy (nodeId: string): string[] {
  return ['c c-alice', 'c c-bob', 'm c-alice lobby', 'm c-bob lobby', 'r feed', 'r lobby'].map(key => `register ${key} by ${nodeId}`)
}

t.test('under a new name everything is written again: connections, memberships and rooms, but none where presence is off', async t => {
  const { store, keeper, settle, written } = await start(t)
  await settle()
  const { node } = keeper
  await store.releaseLease(node, 0)
  await keeper.beat()
  t.not(keeper.node.nodeId, node.nodeId)
  t.ok(await until('everything under the new name', everythingBy(keeper.node.nodeId), written))
  t.match(await store.members('lobby'), { members: [{ userId: 'alice' }, { userId: 'bob' }] })
})

t.test('each heartbeat tells the counts of this moment, and a new name tells them too', async t => {
  const { clock, store, keeper } = await start(t)
  const startedAt = clock.now()
  t.match(await store.nodes(), [{ nodeName: 'n', version: '1.2.3', startedAt, connections: 0, rooms: 0 }])
  clock.advance(1_000)
  await keeper.beat()
  const counts = { startedAt, connections: 2, rooms: 2 }
  t.match(await store.nodes(), [{ ...counts, nodeId: keeper.node.nodeId, leaseEndsAt: clock.now() + LEASE_MS }])
  await store.releaseLease(keeper.node, 0)
  await keeper.beat()
  t.match(await store.nodes(), [{ ...counts, nodeId: keeper.node.nodeId }])
})

t.test('what could not be written under the new name is written with the next renewal', async t => {
  const { store, keeper, settle, written } = await start(t)
  await settle()
  await store.releaseLease(keeper.node, 0)
  for (let count = 0; count < 3; count++) store.failNext('register')
  await keeper.beat()
  await until('failures', 3, () => keeper.registrar.owed)
  await keeper.beat()
  await until('nothing that is owed', 0, () => keeper.registrar.owed)
  t.same([...new Set(written())], everythingBy(keeper.node.nodeId))
})

t.test('removals that waited under the lost name are forgotten', async t => {
  const { store, keeper, people } = await start(t)
  const [alice] = people
  if (alice === undefined) return
  store.failNext('remove')
  alice.isWanted = false
  await keeper.registrar.remove(alice)
  t.equal(keeper.registrar.owed, 1)
  await store.releaseLease(keeper.node, 0)
  await keeper.beat()
  t.equal(keeper.registrar.owed, 0)
})

t.test('a dead node that this one claims is swept and buried', async t => {
  const { clock, store, log, keeper } = await start(t)
  await store.takeLease(nodeNamed('dead'), reportOf())
  for (const entry of [connectionOf({ userId: 'carol' }), memberOf({ userId: 'carol' })]) await store.register(nodeNamed('dead'), entry)
  for (let beat = 0; beat < 6; beat++) {
    clock.advance(LEASE_MS / 4)
    await keeper.beat()
  }
  await until('end of the sweep', ['swept a dead node'], () => log.of('info'))
  t.same(await store.entriesOf('dead'), [])
  t.same((await store.members('lobby')).members, [])
  t.equal(store.calls.filter(call => call.startsWith('bury')).length, 1)
})

t.test('a sweep that was cut short is taken up with the next renewal', async t => {
  const { clock, store, log, keeper } = await start(t)
  await store.takeLease(nodeNamed('dead'), reportOf())
  await store.register(nodeNamed('dead'), memberOf({ userId: 'carol' }))
  store.failNext('remove')
  for (let beat = 0; beat < 5; beat++) {
    clock.advance(LEASE_MS / 4)
    await keeper.beat()
  }
  await until('failure', 1, () => log.of('warn').length)
  t.equal((await store.members('lobby')).members.length, 1)
  await keeper.beat()
  t.ok(await until('end of the sweep', 1, () => log.of('info').length))
  t.same((await store.members('lobby')).members, [])
})

t.test('entries are written again when they are six hours old', async t => {
  const { clock, keeper, people, settle, written } = await start(t)
  await settle()
  const [alice, bob] = people
  if (alice === undefined || bob === undefined) return
  clock.advance(1)
  await keeper.registrar.register(bob)
  clock.advance(6 * HOUR_MS - 2)
  keeper.assertDue()
  clock.advance(1)
  keeper.assertDue()
  const { nodeId } = keeper.node
  t.ok(await until('all, and bob by hand', everythingBy(nodeId), written))
  t.equal(alice.assertedAt, clock.now())
  t.equal(bob.assertedAt, clock.now() - 6 * HOUR_MS + 1, 'he was written later')
})

t.test('what was never written is on its way to write itself, and is left alone', async t => {
  const { clock, store, keeper, written } = await start(t)
  clock.advance(7 * HOUR_MS)
  keeper.assertDue()
  await store.releaseLease(keeper.node, 0)
  await keeper.beat()
  t.same([written(), keeper.registrar.owed], [[], 0])
})

t.test('a node whose entries are removed ends at once', async t => {
  const { store, keeper, log } = await start(t)
  await keeper.stop(0)
  t.same(await store.renewLease(keeper.node, reportOf()), { status: 'lost' })
  t.same(log.of('warn'), [])
})

t.test('a node that still owes removals does not vanish: whoever claims it makes them', async t => {
  const { store, keeper, people, log } = await start(t)
  const [alice] = people
  if (alice === undefined) return
  await keeper.registrar.register(alice)
  for (let count = 0; count < 2; count++) store.failNext('remove')
  await keeper.registrar.remove(alice)
  await keeper.stop(0)
  t.match(await store.renewLease(keeper.node, reportOf()), { status: 'held' })
  t.equal((await store.entriesOf(keeper.node.nodeId)).length, 1)
  t.same(log.of('warn'), ['the lease ends by itself, and the node is swept then'])
})

t.test('with a grace, what the node vouched for outlives it by that long', async t => {
  const { clock, store, keeper, people } = await start(t)
  const [alice] = people
  if (alice === undefined) return
  await keeper.registrar.register(alice)
  keeper.registrar.leaveStanding()
  await keeper.registrar.remove(alice)
  await keeper.stop(5_000)
  clock.advance(4_999)
  t.equal((await connectionsOf(store, 'alice')).length, 1)
  clock.advance(1)
  t.equal((await connectionsOf(store, 'alice')).length, 0)
})
