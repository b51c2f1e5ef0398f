import t from 'tap'
import type { Connection } from '../../src/core/connection.ts'
import type { PresenceRecord } from '../../src/core/presence-store.ts'
import { Registrar } from '../../src/core/registrar.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { until } from '../helpers/until.ts'
import { RecordedLog } from './fixtures/memory-node.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

/** What the registrar sees of a connection. */
class Registered {
  readonly connectionId: string
  readonly userId = 'alice'
  isOpen = true
  ownerId: string | undefined
  assertedAt = 0

  constructor (connectionId: string) {
    this.connectionId = connectionId
  }

  record (nodeId: string, nodeName: string): PresenceRecord {
    const { connectionId, userId } = this
    return { connectionId, userId, nodeId, nodeName, connectedAt: 1, transport: 'fake', info: null }
  }

  get connection (): Connection { return this as unknown as Connection }
}

async function start () {
  const clock = new FakeClock()
  const store = new ScriptedStore({ leaseMs: 10_000, now: clock.now })
  const node = { nodeId: 'n1', nodeName: 'n' }
  await store.takeLease(node)
  const log = new RecordedLog()
  const registrar = new Registrar({ store, node: () => ({ ...node }), log, now: clock.now })
  const online = async () => (await store.connections('alice')).map(({ connectionId, nodeId }) => `${connectionId} ${nodeId}`).sort()
  const rename = async (nodeId: string) => {
    await store.releaseLease(node.nodeId)
    node.nodeId = nodeId
    await store.takeLease(node)
  }
  return { clock, store, log, registrar, online, rename, alice: new Registered('c1'), bob: new Registered('c2') }
}

t.test('a connection is registered under the node, and removed', async t => {
  const { registrar, online, alice } = await start()
  await registrar.register(alice.connection)
  t.same(await online(), ['c1 n1'])
  await registrar.unregister(alice.connection)
  t.same(await online(), [])
})

t.test('a registration that the store refused is told to the caller', async t => {
  const { registrar, store, online, alice } = await start()
  store.failNext('register')
  await t.rejects(registrar.register(alice.connection), { code: 'unavailable' })
  t.same(await online(), [])
})

t.test('a connection that has ended is not registered', async t => {
  const { registrar, store, alice } = await start()
  alice.isOpen = false
  await registrar.register(alice.connection)
  t.same(store.calls, ['takeLease n1'])
})

t.test('a connection that was never registered is not removed', async t => {
  const { registrar, store, alice } = await start()
  await registrar.unregister(alice.connection)
  t.same(store.calls, ['takeLease n1'])
})

t.test('a removal waits for the registration of the same connection', async t => {
  const { registrar, store, online, alice } = await start()
  const goOn = store.hold('register')
  const registration = registrar.register(alice.connection)
  alice.isOpen = false
  const removal = registrar.unregister(alice.connection)
  goOn()
  await Promise.all([registration, removal])
  t.same(store.calls.slice(1), ['register c1 n1', 'remove c1 n1'])
  t.same(await online(), [])
})

t.test('a registration of unknown outcome is removed with its connection', async t => {
  const { registrar, store, alice } = await start()
  store.failNext('register', new Error('the answer was lost'))
  await t.rejects(registrar.register(alice.connection))
  alice.isOpen = false
  await registrar.unregister(alice.connection)
  t.equal(store.calls.at(-1), 'remove c1 n1')
})

t.test('connections do not wait for each other', async t => {
  const { registrar, store, online, alice, bob } = await start()
  const goOn = store.hold('register')
  const slow = registrar.register(alice.connection)
  const removal = registrar.unregister(bob.connection)
  await removal
  goOn()
  await slow
  t.same(await online(), ['c1 n1'])
})

t.test('a removal that the store could not take is tried again', async t => {
  const { registrar, store, online, alice } = await start()
  await registrar.register(alice.connection)
  store.failNext('remove')
  store.failNext('remove')
  await registrar.unregister(alice.connection)
  t.same(await online(), ['c1 n1'])
  await registrar.settle()
  t.same(await online(), ['c1 n1'], 'and again')
  await registrar.settle()
  t.same(await online(), [])
  const { length } = store.calls
  await registrar.settle()
  t.equal(store.calls.length, length, 'and not once it is done')
})

t.test('under a new name all open connections are registered again', async t => {
  const { registrar, online, rename, alice, bob } = await start()
  for (const { connection } of [alice, bob]) await registrar.register(connection)
  await rename('n2')
  t.same(await online(), [])
  bob.isOpen = false
  registrar.registerAgain([alice.connection, bob.connection])
  await until('record under the new name', ['c1 n2'], online)
  await registrar.unregister(alice.connection)
  t.same(await online(), [], 'and removed under that name')
})

t.test('a record that the store could not take again is tried until it can', async t => {
  const { registrar, store, online, rename, alice } = await start()
  await registrar.register(alice.connection)
  await rename('n2')
  store.failNext('register')
  registrar.registerAgain([alice.connection])
  t.ok(await until('record under the new name', ['c1 n2'], async () => {
    await registrar.settle()
    return online()
  }))
})

t.test('a record that waits to be written is forgotten when its connection ends', async t => {
  const { registrar, store, log, online, alice } = await start()
  store.failNext('register')
  registrar.registerAgain([alice.connection])
  await until('failed registration', 1, () => log.lines.length)
  alice.isOpen = false
  await registrar.unregister(alice.connection)
  const { length } = store.calls
  await registrar.settle()
  await registrar.settle()
  t.same(store.calls.slice(length), [])
  t.same(await online(), [])
})

t.test('what is written again is noted with its time', async t => {
  const { registrar, clock, online, alice } = await start()
  clock.advance(5)
  registrar.registerAgain([alice.connection])
  t.equal(alice.assertedAt, clock.now())
  await until('record', ['c1 n1'], online)
})

t.test('removals that waited under a lost name are forgotten', async t => {
  const { registrar, store, rename, alice } = await start()
  await registrar.register(alice.connection)
  store.failNext('remove')
  await registrar.unregister(alice.connection)
  await rename('n2')
  registrar.forget()
  const { length } = store.calls
  await registrar.settle()
  t.same(store.calls.slice(length), [])
})
