import t from 'tap'
import { Meters } from '../../src/core/meters.ts'
import { Sweeper } from '../../src/core/sweeper.ts'
import { connectionOf, memberOf, nodeNamed, reportOf, roomOf } from '../conformance/presence-store.ts'
import { until } from '../helpers/until.ts'
import { connectionsOf, RecordedLog } from './fixtures/memory-node.ts'
import { ScriptedStore } from './fixtures/scripted-store.ts'

/** A store in which two nodes have left something behind. */
async function start () {
  const story: string[] = []
  const store = new ScriptedStore({ announce: ({ type, member }) => { story.push(`${type} ${member.userId}`) } })
  for (const [nodeId, connectionId] of [['dead', 'c1'], ['other', 'c2']] as const) {
    await store.takeLease(nodeNamed(nodeId), reportOf())
    for (const entry of [connectionOf({ connectionId }), memberOf({ connectionId, userId: nodeId }), roomOf('lobby')]) {
      await store.register(nodeNamed(nodeId), entry)
    }
  }
  const log = new RecordedLog()
  const count = (method: string) => store.calls.filter(call => call.startsWith(method)).length
  return { store, log, story, count, sweeper: new Sweeper({ store, meters: new Meters(), log }) }
}

t.test('it removes everything that a dead node left, then buries it, and touches nothing else', async t => {
  const { store, log, story, sweeper } = await start()
  sweeper.sweep(['dead'])
  await until('end of the sweep', ['swept a dead node'], () => log.of('info'))
  t.match(log.lines[0]?.fields, { deadNodeId: 'dead', entries: 3 })
  t.same(await store.entriesOf('dead'), [])
  t.match(await connectionsOf(store, 'alice'), [{ connectionId: 'c2' }])
  t.same(story, ['join dead', 'join other', 'leave dead'])
  t.equal(store.calls.filter(call => !call.startsWith('entriesOf')).at(-1), 'bury dead', 'last of all')
})

t.test('a node that is being swept is not swept twice, and several are swept at once', async t => {
  const { store, log, count, sweeper } = await start()
  const goOn = store.hold('remove')
  sweeper.sweep(['dead'])
  await until('removals', 3, () => count('remove'))
  sweeper.sweep(['dead', 'other'])
  await until('removals of the other', 6, () => count('remove'))
  sweeper.sweep(['dead', 'other'])
  goOn()
  await until('end of both', 2, () => log.of('info').length)
  t.equal(count('remove'), 6)
  t.equal(count('bury'), 2)
})

for (const obstacle of ['entriesOf', 'remove', 'bury'] as const) {
  t.test(`a sweep that was cut short (${obstacle}) is logged, and taken up with the next renewal`, async t => {
    const { store, log, count, story, sweeper } = await start()
    store.failNext(obstacle)
    sweeper.sweep(['dead'])
    await until('warning', ['a sweep was cut short, and is taken up again'], () => log.of('warn'))
    t.equal(count('bury'), obstacle === 'bury' ? 1 : 0, 'what is not swept is not buried')
    sweeper.sweep(['dead'])
    await until('end of the sweep', 1, () => log.of('info').length)
    t.same(await store.entriesOf('dead'), [])
    t.same(story.filter(line => line.startsWith('leave')), ['leave dead'])
  })
}

t.test('it stops after what is under way, buries nobody, and begins nothing more', async t => {
  const { store, count, sweeper } = await start()
  const goOn = store.hold('remove')
  sweeper.sweep(['dead'])
  await until('removals', 3, () => count('remove'))
  const stopped = sweeper.stop()
  goOn()
  await stopped
  sweeper.sweep(['other'])
  t.equal(count('bury'), 0)
  t.equal(count('entriesOf other'), 0)
})
