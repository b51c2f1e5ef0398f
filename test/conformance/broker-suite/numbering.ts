import type { Test } from 'tap'
import type { StartCluster } from '../broker.ts'

/** **Atomicity**, and what `position` and `publish` answer. */
export function numberingTests (t: Test, start: StartCluster): void {
  t.test('the first publication of a room has offset 1, and each the next', async t => {
    const { broker } = (await start(t)).node(1)
    for (const offset of [1, 2, 3]) t.match(await broker.publish({ room: 'lobby', data: '0' }), { room: 'lobby', offset })
  })

  t.test('publications of one room have one epoch', async t => {
    const { broker } = (await start(t)).node(1)
    const { epoch } = await broker.publish({ room: 'lobby', data: '0' })
    t.type(epoch, 'string')
    t.not(epoch, '')
    t.equal((await broker.publish({ room: 'lobby', data: '0' })).epoch, epoch)
  })

  t.test('offsets are consecutive when many publish at once', async t => {
    const { broker } = (await start(t)).node(1)
    const results = await Promise.all(Array.from({ length: 200 }, () => broker.publish({ room: 'lobby', data: '0' })))
    const offsets = results.map(({ offset = 0 }) => offset).sort((a, b) => a - b)
    t.same(offsets, Array.from({ length: 200 }, (_, index) => index + 1))
    t.equal(new Set(results.map(({ epoch }) => epoch)).size, 1)
  })

  t.test('rooms are numbered apart from each other', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.publish({ room: 'lobby', data: '0' })
    await broker.publish({ room: 'lobby', data: '0' })
    t.match(await broker.publish({ room: 'attic', data: '0' }), { room: 'attic', offset: 1 })
  })

  t.test('a room to which nothing was published ends at offset 0, in the epoch that its first publication then has', async t => {
    const { broker } = (await start(t)).node(1)
    const { epoch, offset } = await broker.position('lobby')
    t.equal(offset, 0)
    t.same(await broker.publish({ room: 'lobby', data: '0' }), { room: 'lobby', epoch, offset: 1, duplicate: false })
  })

  t.test('asking for the end of a room does not move it', async t => {
    const { broker } = (await start(t)).node(1)
    const { epoch } = await broker.publish({ room: 'lobby', data: '0' })
    for (let count = 0; count < 3; count++) t.same(await broker.position('lobby'), { epoch, offset: 1 })
    t.same(await broker.publish({ room: 'lobby', data: '0' }), { room: 'lobby', epoch, offset: 2, duplicate: false })
  })

  t.test('the end of a room is the position of its newest publication, whether or not anybody is subscribed', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.publish({ room: 'lobby', data: '0' })
    const { epoch, offset } = await broker.publish({ room: 'lobby', data: '0' })
    t.same(await broker.position('lobby'), { epoch, offset })
    await broker.subscribe('lobby')
    const next = await broker.publish({ room: 'lobby', data: '0' })
    t.same(await broker.position('lobby'), { epoch, offset: next.offset })
  })

  t.test('the numbering goes on after everybody has unsubscribed', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.subscribe('lobby')
    const { epoch } = await broker.publish({ room: 'lobby', data: '0' })
    await broker.unsubscribe('lobby')
    t.same(await broker.publish({ room: 'lobby', data: '0' }), { room: 'lobby', epoch, offset: 2, duplicate: false })
  })
}
