import t from 'tap'
import { MemberFeeds } from '../../src/core/member-feeds.ts'
import { memberOf, nodeNamed, reportOf } from '../conformance/presence-store.ts'
import { until } from '../helpers/until.ts'
import { Listener } from './fixtures/listener.ts'
import { RecordedLog } from './fixtures/memory-node.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

/** Feeds whose events come from the store, unless the link is cut. */
async function start () {
  let isDeaf = false
  const store = new ScriptedStore({ announce: event => { if (!isDeaf) feeds.accept(event) } })
  const log = new RecordedLog()
  const feeds = new MemberFeeds({ store, log })
  await store.takeLease(nodeNamed('n1'), reportOf())
  const enter = (userId: string, room = 'lobby') => store.register(nodeNamed('n1'), memberOf({ userId, connectionId: `c ${userId}`, room }))
  const watch = async (room = 'lobby') => {
    const listener = new Listener(`watcher of ${room}`)
    feeds.open(listener.connection, room, await feeds.watch(listener.connection, room))
    return listener
  }
  return { store, log, feeds, enter, watch, cut: () => { isDeaf = true } }
}

const atOnce = () => Promise.resolve()

t.test('each room has a feed of its own', async t => {
  const { enter, watch } = await start()
  // An empty room may change its epoch.
  for (const room of ['lobby', 'attic']) await enter(`first in ${room}`, room)
  const [lobby, attic] = [await watch('lobby'), await watch('attic')]
  await enter('alice', 'lobby')
  await enter('bob', 'attic')
  await enter('carol', 'cellar')
  t.match(lobby.frames, [{ type: 'join', room: 'lobby', member: { userId: 'alice' } }])
  t.match(attic.frames, [{ type: 'join', room: 'attic', member: { userId: 'bob' } }])
  t.same([lobby.frames.length, attic.frames.length], [1, 1])
})

t.test('a comparison asks about those rooms only that somebody watches, and tells what was missed', async t => {
  const { store, feeds, enter, watch, cut } = await start()
  await enter('alice')
  const watcher = await watch()
  cut()
  await enter('bob')
  await feeds.compare(['attic', 'lobby', 'cellar'], atOnce)
  t.same(store.calls.filter(call => call.startsWith('membersPage')), ['membersPage lobby'])
  t.ok(await until('fresh list', 1, () => watcher.frames.length))
  t.match(watcher.frames, [{ type: 'presence', room: 'lobby', version: 2, members: [{ userId: 'alice' }, { userId: 'bob' }] }])
  await feeds.compare(['lobby'], atOnce)
  t.equal(store.calls.filter(call => call.startsWith('members ')).length, 2, 'and nothing where nothing is missing')
})

t.test('a comparison waits for what is still on its way', async t => {
  const { store, feeds, enter, watch, cut } = await start()
  await enter('alice')
  const watcher = await watch()
  cut()
  await enter('bob')
  const { epoch } = await store.members('lobby')
  await feeds.compare(['lobby'], async () => {
    feeds.accept({ type: 'join', room: 'lobby', member: { userId: 'bob', info: null }, epoch, version: 2 })
  })
  t.match(watcher.frames, [{ type: 'join', version: 2 }])
  t.equal(watcher.frames.length, 1)
})

t.test('a comparison that failed is told to the caller', async t => {
  const { store, feeds, watch } = await start()
  await watch()
  store.failNext('membersPage')
  await t.rejects(feeds.compare(['lobby'], atOnce), { code: 'unavailable' })
})

t.test('who no longer watches is told nothing, and the store is asked nothing', async t => {
  const { store, feeds, enter, watch } = await start()
  const watcher = await watch()
  feeds.unwatch(watcher.connection, 'lobby')
  feeds.unwatch(watcher.connection, 'attic')
  await enter('alice')
  await feeds.compare(['lobby'], atOnce)
  t.same(watcher.frames, [])
  t.same(store.calls.filter(call => call.startsWith('membersPage')), [])
})

t.test('a watch that failed leaves no feed behind', async t => {
  const { store, feeds } = await start()
  store.failNext('members')
  await t.rejects(feeds.watch(new Listener('alice').connection, 'lobby'), { code: 'unavailable' })
  await feeds.compare(['lobby'], atOnce)
  t.same(store.calls.filter(call => call.startsWith('membersPage')), [])
})

t.test('a list that could not be repaired is logged, with its room', async t => {
  const { store, log, feeds, enter, watch, cut } = await start()
  await enter('alice')
  await watch()
  cut()
  await enter('bob')
  store.failNext('members')
  await feeds.compare(['lobby'], atOnce)
  await until('word', ['the members of a room could not be read yet'], () => log.of('debug'))
  t.match(log.lines.at(-1)?.fields, { room: 'lobby', err: { code: 'unavailable' } })
})
