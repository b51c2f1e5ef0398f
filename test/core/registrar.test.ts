import t from 'tap'
import { entryKeyOf, type PresenceEntry, type Vouched } from '../../src/core/presence-entry.ts'
import { Registrar } from '../../src/core/registrar.ts'
import { connectionOf, memberOf, reportOf } from '../conformance/presence-store.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { connectionsOf, RecordedLog } from './fixtures/memory-node.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

/** Something of which an entry is kept until the test wants it no more. */
class Wanted implements Vouched {
  isWanted = true
  assertedAt = 0
  readonly #entry: PresenceEntry

  constructor (entry: PresenceEntry) {
    this.#entry = entry
  }

  get entryKey (): string { return entryKeyOf(this.#entry) }
  entry (): PresenceEntry { return this.#entry }
}

async function start () {
  const clock = new FakeClock()
  const store = new ScriptedStore({ now: clock.now })
  const node = { nodeId: 'n1', nodeName: 'n' }
  await store.takeLease(node, reportOf())
  const log = new RecordedLog()
  const registrar = new Registrar({ store, node: () => ({ ...node }), log, now: clock.now })
  const online = async () => (await connectionsOf(store, 'alice')).map(({ connectionId, nodeId }) => `${connectionId} ${nodeId}`).sort()
  const rename = async (nodeId: string) => {
    await store.releaseLease(node, 0)
    node.nodeId = nodeId
    await store.takeLease(node, reportOf())
  }
  const [one, two] = ['c1', 'c2'].map(connectionId => new Wanted(connectionOf({ connectionId }))) as [Wanted, Wanted]
  return { clock, store, log, registrar, online, rename, one, two }
}

t.test('an entry is written under the node, noted with its time, and removed', async t => {
  const { registrar, clock, online, one } = await start()
  clock.advance(5)
  await registrar.register(one)
  t.same(await online(), ['c1 n1'])
  t.equal(one.assertedAt, clock.now())
  await registrar.remove(one)
  t.same(await online(), [])
  t.equal(registrar.owed, 0)
})

t.test('an entry that the store refused is told to the caller, and owed to nobody', async t => {
  const { registrar, store, online, one } = await start()
  store.failNext('register')
  await t.rejects(registrar.register(one), { code: 'unavailable' })
  t.same(await online(), [])
  t.equal(registrar.owed, 0)
})

t.test('what is not wanted any more is not written', async t => {
  const { registrar, store, one } = await start()
  one.isWanted = false
  await registrar.register(one)
  await registrar.ensure(one)
  t.same(store.calls, ['takeLease n1'])
})

t.test('a removal waits for the writing of the same entry', async t => {
  const { registrar, store, online, one } = await start()
  const goOn = store.hold('register')
  const registration = registrar.register(one)
  one.isWanted = false
  const removal = registrar.remove(one)
  goOn()
  await Promise.all([registration, removal])
  t.same(store.calls.slice(1), ['register c c1 by n1', 'remove c c1 by n1'])
  t.same(await online(), [])
})

t.test('a writing of unknown outcome is removed with what it was for', async t => {
  const { registrar, store, one } = await start()
  store.failNext('register', new Error('the answer was lost'))
  await t.rejects(registrar.register(one))
  one.isWanted = false
  await registrar.remove(one)
  t.equal(store.calls.at(-1), 'remove c c1 by n1')
})

t.test('entries do not wait for each other, also those of one connection', async t => {
  const { registrar, store, online, one, two } = await start()
  await registrar.register(two)
  const member = new Wanted(memberOf({ connectionId: 'c1' }))
  const goOn = store.hold('register')
  const slow = registrar.register(one)
  await Promise.all([registrar.remove(two), registrar.remove(member)])
  goOn()
  await slow
  t.same(await online(), ['c1 n1'])
})

t.test('a removal that the store could not take is owed, and tried again until it can', async t => {
  const { registrar, store, log, online, one } = await start()
  await registrar.register(one)
  store.failNext('remove')
  store.failNext('remove')
  await registrar.remove(one)
  t.same([await online(), registrar.owed], [['c1 n1'], 1])
  await registrar.settle()
  t.same([await online(), registrar.owed], [['c1 n1'], 1], 'and again')
  t.same(log.of('debug').length, 2)
  await registrar.settle()
  t.same([await online(), registrar.owed], [[], 0])
  const { length } = store.calls
  await registrar.settle()
  t.equal(store.calls.length, length, 'and not once it is done')
})

t.test('a removal that is owed is dropped when its entry is written again', async t => {
  const { registrar, store, online, one } = await start()
  await registrar.register(one)
  store.failNext('remove')
  await registrar.remove(one)
  await registrar.register(one)
  t.equal(registrar.owed, 0)
  await registrar.settle()
  t.same(await online(), ['c1 n1'])
})

t.test('what must be written is written as soon as the store can take it', async t => {
  const { registrar, store, online, one } = await start()
  store.failNext('register')
  store.failNext('register')
  await registrar.ensure(one)
  t.same([await online(), registrar.owed], [[], 1])
  await registrar.settle()
  t.equal(registrar.owed, 1, 'and again')
  await registrar.settle()
  t.same([await online(), registrar.owed], [['c1 n1'], 0])
})

t.test('what waits to be written is forgotten when it is removed', async t => {
  const { registrar, store, online, one } = await start()
  store.failNext('register')
  await registrar.ensure(one)
  one.isWanted = false
  await registrar.remove(one)
  const { length } = store.calls
  await registrar.settle()
  t.same(store.calls.slice(length), [])
  t.same([await online(), registrar.owed], [[], 0])
})

t.test('entries are written and removed under the name that the node has then', async t => {
  const { registrar, online, rename, one } = await start()
  await registrar.register(one)
  await rename('n2')
  t.same(await online(), [])
  await registrar.ensure(one)
  t.same(await online(), ['c1 n2'])
  await registrar.remove(one)
  t.same(await online(), [])
})

t.test('removals that waited under a lost name are forgotten', async t => {
  const { registrar, store, rename, one } = await start()
  await registrar.register(one)
  store.failNext('remove')
  await registrar.remove(one)
  await rename('n2')
  registrar.forget()
  t.equal(registrar.owed, 0)
  const { length } = store.calls
  await registrar.settle()
  t.same(store.calls.slice(length), [])
})

t.test('from the moment at which entries are left standing, nothing is removed', async t => {
  const { registrar, store, online, one, two } = await start()
  await registrar.register(one)
  await registrar.register(two)
  store.failNext('remove')
  await registrar.remove(two)
  registrar.leaveStanding()
  one.isWanted = false
  await registrar.remove(one)
  await registrar.settle()
  t.same(await online(), ['c1 n1', 'c2 n1'])
})
