import type { Test } from 'tap'
import { answered } from '../broker-cluster.ts'
import type { StartCluster } from '../broker.ts'

/** **Refusal** after `close`. */
export function endTests (t: Test, start: StartCluster): void {
  t.test('after close every call that can fail rejects with unavailable', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.subscribe('lobby')
    await broker.close()
    await t.rejects(broker.subscribe('attic'), { name: 'RoomcastError', code: 'unavailable' })
    await t.rejects(broker.position('lobby'), { name: 'RoomcastError', code: 'unavailable' })
    await t.rejects(broker.publish({ room: 'lobby', data: '1' }), { name: 'RoomcastError', code: 'unavailable' })
    await t.rejects(broker.check(), { name: 'RoomcastError', code: 'unavailable' })
  })

  t.test('unsubscribe does not reject, also after close', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.subscribe('lobby')
    await broker.close()
    await answered('answer', broker.unsubscribe('lobby'))
  })

  t.test('a publish after close does not happen', async t => {
    const node = (await start(t)).node(1)
    await node.broker.subscribe('lobby')
    await node.broker.close()
    await t.rejects(node.broker.publish({ room: 'lobby', data: '1' }))
    t.same(node.of('lobby'), [])
  })

  t.test('what is under way at close is answered', async t => {
    const { broker } = (await start(t)).node(1)
    const calls = Promise.allSettled([
      broker.subscribe('lobby'), broker.publish({ room: 'lobby', data: '1' }), broker.position('lobby'), broker.unsubscribe('lobby')
    ])
    await answered('end of close', broker.close())
    const outcomes = await answered('answer to every call', calls)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') t.match(outcome.reason, { name: 'RoomcastError', code: /^(unavailable|outcome_unknown)$/ })
    }
  })

  t.test('closing twice is closing once', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.close()
    await answered('end of close', broker.close())
  })
}
