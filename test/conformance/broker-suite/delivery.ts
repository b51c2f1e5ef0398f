import type { Test } from 'tap'
import { textOf } from '../broker-cluster.ts'
import type { StartCluster } from '../broker.ts'

/** **Delivery**, on one node. */
export function deliveryTests (t: Test, start: StartCluster): void {
  t.test('publications come back to the node that published them, each once', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '1' })
    await node.broker.publish({ room: 'lobby', data: '2' })
    t.same(await cluster.texts(node, 'lobby', 2), ['1', '2'])
  })

  t.test('a publication arrives with the position that its publisher was told', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    const { room, epoch, offset } = await node.broker.publish({ room: 'lobby', data: '1' })
    t.match(await cluster.all(node, 'lobby', 1), [{ room, epoch, offset }])
  })

  t.test('publications of a room arrive in the order of their offsets when many publish at once', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    const results = await Promise.all(Array.from({ length: 200 }, (_, index) =>
      node.broker.publish({ room: 'lobby', data: `${index}` })))
    const arrived = await cluster.all(node, 'lobby', 200)
    t.same(arrived.map(({ offset }) => offset), Array.from({ length: 200 }, (_, index) => index + 1))
    t.ok(arrived.every(publication => results[Number(textOf(publication))]?.offset === publication.offset), 'each with its own')
  })

  t.test('a publication tells when the broker took it, in whole milliseconds since 1970', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '1' })
    const [publication] = await cluster.all(node, 'lobby', 1)
    t.ok(Number.isSafeInteger(publication?.at))
    t.ok(Math.abs((publication?.at ?? 0) - Date.now()) < 60_000, 'not further from now than clocks of one machine are')
  })

  t.test('what was published before the subscription is not handed over', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.publish({ room: 'lobby', data: '"before"' })
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '"after"' })
    t.same(await cluster.texts(node, 'lobby', 1), ['"after"'])
  })

  t.test('nothing is handed over of a room that the node is not subscribed to', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'attic', data: '1' })
    t.same(await cluster.all(node, 'attic', 0), [])
  })

  t.test('nothing is handed over of a room once its unsubscribe has resolved', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '1' })
    await node.arrived('lobby', 1)
    await node.broker.unsubscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '2' })
    t.same(await cluster.texts(node, 'lobby', 1), ['1'])
  })

  t.test('the other rooms of a node go on after one is unsubscribed', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.subscribe('attic')
    await node.broker.unsubscribe('attic')
    await node.broker.publish({ room: 'lobby', data: '1' })
    t.same(await cluster.texts(node, 'lobby', 1), ['1'])
  })

  t.test('a healthy broker proves that publications go out and come back', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.check()
    await Promise.all([broker.check(), broker.check()])
  })
}
