import type { Test } from 'tap'
import { textOf } from '../broker-cluster.ts'
import type { StartCluster } from '../broker.ts'

/** What only several nodes on one backend can show. */
export function twoNodeTests (t: Test, start: StartCluster): void {
  t.test('a publication reaches every subscribed node, once', async t => {
    const cluster = await start(t, 2)
    for (const { broker } of cluster.nodes) await broker.subscribe('lobby')
    for (const [index, { broker }] of cluster.nodes.entries()) await broker.publish({ room: 'lobby', data: `${index}` })
    for (const node of cluster.nodes) t.same(await cluster.texts(node, 'lobby', 2), ['0', '1'])
  })

  t.test('a node that is not subscribed hears nothing of it', async t => {
    const cluster = await start(t, 2)
    const [here, there] = [cluster.node(1), cluster.node(2)]
    await here.broker.subscribe('lobby')
    await there.broker.publish({ room: 'lobby', data: '1' })
    t.same(await cluster.texts(here, 'lobby', 1), ['1'])
    t.same(await cluster.all(there, 'lobby', 0), [])
  })

  t.test('a node goes on hearing a room that another has unsubscribed', async t => {
    const cluster = await start(t, 2)
    const [here, there] = [cluster.node(1), cluster.node(2)]
    for (const { broker } of cluster.nodes) await broker.subscribe('lobby')
    await there.broker.unsubscribe('lobby')
    await there.broker.publish({ room: 'lobby', data: '1' })
    t.same(await cluster.texts(here, 'lobby', 1), ['1'])
    t.same(await cluster.all(there, 'lobby', 0), [])
  })

  t.test('nodes that publish to a room at once share one numbering, and see one order', async t => {
    const cluster = await start(t, 2)
    for (const { broker } of cluster.nodes) await broker.subscribe('lobby')
    await Promise.all(Array.from({ length: 200 }, (_, index) =>
      cluster.node(1 + index % 2).broker.publish({ room: 'lobby', data: `${index}` })))
    const [here, there] = [await cluster.all(cluster.node(1), 'lobby', 200), await cluster.all(cluster.node(2), 'lobby', 200)]
    t.same(here.map(({ offset }) => offset), Array.from({ length: 200 }, (_, index) => index + 1))
    t.same(there.map(textOf), here.map(textOf))
    t.equal(new Set([...here, ...there].map(({ epoch }) => epoch)).size, 1)
  })

  t.test('nodes that ask for the end of a fresh room at once get the same epoch', async t => {
    const cluster = await start(t, 2)
    const [here, there] = await Promise.all(cluster.nodes.map(({ broker }) => broker.position('lobby')))
    t.same(here, there)
    t.match(await cluster.node(2).broker.publish({ room: 'lobby', data: '1' }), { epoch: here?.epoch, offset: 1 })
  })

  t.test('every node names the same end of a room', async t => {
    const cluster = await start(t, 2)
    const { epoch, offset } = await cluster.node(1).broker.publish({ room: 'lobby', data: '1' })
    for (const { broker } of cluster.nodes) t.same(await broker.position('lobby'), { epoch, offset })
  })

  t.test('what is published on another node once subscribe has resolved arrives', async t => {
    const cluster = await start(t, 2)
    const [here, there] = [cluster.node(1), cluster.node(2)]
    const rooms = Array.from({ length: 200 }, (_, index) => `fresh ${index}`)
    for (const room of rooms) {
      await here.broker.subscribe(room)
      await there.broker.publish({ room, data: '1' })
    }
    await cluster.barrier(here)
    t.same(rooms.filter(room => here.of(room).length !== 1), [])
  })

  t.test('what is published on another node once unsubscribe has resolved does not', async t => {
    const cluster = await start(t, 2)
    const [here, there] = [cluster.node(1), cluster.node(2)]
    const rooms = Array.from({ length: 200 }, (_, index) => `fresh ${index}`)
    for (const room of rooms) {
      await here.broker.subscribe(room)
      await here.broker.unsubscribe(room)
      await there.broker.publish({ room, data: '1' })
    }
    await cluster.barrier(here)
    t.same(rooms.filter(room => here.of(room).length !== 0), [])
  })

  t.test('a node that closes leaves the other as it was', async t => {
    const cluster = await start(t, 2)
    const here = cluster.node(1)
    for (const { broker } of cluster.nodes) await broker.subscribe('lobby')
    await cluster.node(2).broker.close()
    await here.broker.publish({ room: 'lobby', data: '1' })
    t.same((await here.arrived('lobby', 1)).map(textOf), ['1'])
    await here.broker.check()
  })
}
