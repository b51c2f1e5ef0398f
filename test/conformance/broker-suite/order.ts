import type { Test } from 'tap'
import { answered } from '../broker-cluster.ts'
import type { StartCluster } from '../broker.ts'

type Call = 'subscribe' | 'unsubscribe'

/** Calls that nobody awaits, and how the node must end. */
const SEQUENCES: ReadonlyArray<{ calls: readonly Call[], ends: 'subscribed' | 'not subscribed' }> = [
  { calls: ['subscribe', 'unsubscribe'], ends: 'not subscribed' },
  { calls: ['subscribe', 'unsubscribe', 'subscribe'], ends: 'subscribed' },
  { calls: ['subscribe', 'subscribe', 'unsubscribe'], ends: 'not subscribed' },
  { calls: ['unsubscribe', 'subscribe'], ends: 'subscribed' },
  { calls: ['subscribe', 'unsubscribe', 'subscribe', 'unsubscribe'], ends: 'not subscribed' },
  { calls: ['subscribe', 'unsubscribe', 'unsubscribe', 'subscribe', 'subscribe'], ends: 'subscribed' }
]

/** **Order** of subscribing and unsubscribing, and doing it twice. */
export function orderTests (t: Test, start: StartCluster): void {
  t.test('subscribing twice is subscribing once', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '1' })
    t.same(await cluster.texts(node, 'lobby', 1), ['1'])
  })

  t.test('one unsubscribe ends what was subscribed twice', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.subscribe('lobby')
    await node.broker.unsubscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '1' })
    t.same(await cluster.all(node, 'lobby', 0), [])
  })

  t.test('unsubscribing a room that was never subscribed is no error', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.unsubscribe('lobby')
  })

  for (const { calls, ends } of SEQUENCES) {
    t.test(`${calls.join(', ')} without awaiting ends ${ends}`, async t => {
      const cluster = await start(t)
      const node = cluster.node(1)
      // Beside rooms that stay, so that commands which are sent together carry more than one room.
      const beside = node.broker.subscribe('beside')
      await answered('answer to every call', Promise.all([beside, ...calls.map(call => node.broker[call]('lobby'))]))
      await node.broker.publish({ room: 'lobby', data: '1' })
      const expected = ends === 'subscribed' ? ['1'] : []
      t.same(await cluster.texts(node, 'lobby', expected.length), expected)
      await node.broker.publish({ room: 'beside', data: '2' })
      t.same(await cluster.texts(node, 'beside', 1), ['2'])
    })
  }

  t.test('a room that is subscribed again delivers again', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.unsubscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '"missed"' })
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '"seen"' })
    t.same(await cluster.texts(node, 'lobby', 1), ['"seen"'])
  })

  t.test('many rooms may be subscribed and unsubscribed at once', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    const rooms = Array.from({ length: 1_500 }, (_, index) => `room ${index}`)
    await answered('confirmation of every room', Promise.all(rooms.map(room => node.broker.subscribe(room))))
    await Promise.all(rooms.map(room => node.broker.publish({ room, data: '1' })))
    await cluster.barrier(node)
    t.equal(rooms.filter(room => node.of(room).length === 1).length, rooms.length)
    await answered('end of every room', Promise.all(rooms.map(room => node.broker.unsubscribe(room))))
    await Promise.all(rooms.map(room => node.broker.publish({ room, data: '2' })))
    await cluster.barrier(node)
    t.equal(rooms.filter(room => node.of(room).length === 1).length, rooms.length)
  })
}
