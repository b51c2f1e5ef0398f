import type { Test } from 'tap'
import type { PublicationDraft } from '../../../src/core/publication.ts'
import { WAIT_MS } from '../broker-cluster.ts'
import type { StartCluster } from '../broker.ts'

const ID = 'i'.repeat(43)

function keyed (content: string, { room = 'lobby', id = ID, volatile }: { room?: string, id?: string, volatile?: true } = {}): PublicationDraft {
  return { room, data: `"${content}"`, volatile, idempotency: { id, content: content.padEnd(43, '.') } }
}

/** **Retry**: the same under the same key is published once. */
export function retryTests (t: Test, start: StartCluster): void {
  t.test('the same again under the same key gives the first result, marked as a duplicate, and nothing is sent', async t => {
    const cluster = await start(t)
    const { broker } = cluster.node(1)
    await broker.subscribe('lobby')
    const first = await broker.publish(keyed('a'))
    t.match(first, { room: 'lobby', offset: 1, duplicate: false })
    await broker.publish({ room: 'lobby', data: '"between"' })
    t.same(await broker.publish(keyed('a')), { ...first, duplicate: true })
    t.match(await broker.publish({ room: 'lobby', data: '"after"' }), { offset: 3 })
    const received = await cluster.node(1).arrived('lobby', 3)
    t.same(received.map(({ data }) => Buffer.from(data).toString()), ['"a"', '"between"', '"after"'])
  })

  t.test('many at once under one key are one publication', async t => {
    const { broker } = (await start(t)).node(1)
    const results = await Promise.all(Array.from({ length: 50 }, () => broker.publish(keyed('a'))))
    t.equal(results.filter(({ duplicate }) => !duplicate).length, 1)
    t.equal(new Set(results.map(({ offset }) => offset)).size, 1)
    t.match(await broker.position('lobby'), { offset: 1 })
  })

  t.test('other content under the same key is refused, and changes nothing', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.publish(keyed('a'))
    await t.rejects(broker.publish(keyed('b')), { code: 'key_reused' })
    await t.rejects(broker.publish(keyed('b', { volatile: true })), { code: 'key_reused' })
    t.match(await broker.position('lobby'), { offset: 1 })
    t.match(await broker.publish(keyed('a')), { offset: 1, duplicate: true }, 'the key still stands for the first')
  })

  t.test('a key in one room says nothing in another, nor another key in the same', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.publish(keyed('a'))
    t.match(await broker.publish(keyed('b', { room: 'attic' })), { room: 'attic', offset: 1, duplicate: false })
    t.match(await broker.publish(keyed('a', { id: 'j'.repeat(43) })), { offset: 2, duplicate: false })
    t.match(await broker.publish({ room: 'lobby', data: '"a"' }), { offset: 3, duplicate: false }, 'without a key nothing is remembered')
  })

  t.test('whether a key is free can be asked, which leaves it free', async t => {
    const { broker } = (await start(t)).node(1)
    await broker.assertKey(keyed('a'))
    await broker.assertKey({ room: 'lobby', data: '0' })
    await broker.publish(keyed('b'))
    await broker.assertKey(keyed('b'))
    await t.rejects(broker.assertKey(keyed('a')), { code: 'key_reused' })
    await broker.assertKey(keyed('a', { room: 'attic' }))
  })

  t.test('a volatile publication under a key is sent once too, and has no position', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    t.same(await node.broker.publish(keyed('a', { volatile: true })), { room: 'lobby', duplicate: false })
    t.same(await node.broker.publish(keyed('a', { volatile: true })), { room: 'lobby', duplicate: true })
    await node.broker.publish({ room: 'lobby', data: '0' })
    await node.arrived('lobby', 1)
    t.equal(node.volatile.length, 1)
  })
}

/** Many publishes at once are answered as if each had been alone. */
export function turnTests (t: Test, start: StartCluster): void {
  t.test('what is published to a room in one turn, volatile or not, arrives in order', async t => {
    const node = (await start(t)).node(1)
    await node.broker.subscribe('lobby')
    const drafts = Array.from({ length: 500 }, (_, n): PublicationDraft => ({ room: 'lobby', data: `${n}`, volatile: n % 5 === 0 }))
    const results = await Promise.all(drafts.map(draft => node.broker.publish(draft)))
    await node.arrived('lobby', 400)
    t.same(node.texts, drafts.map(({ data }) => data))
    t.same(results.flatMap(({ offset }) => offset ?? []), Array.from({ length: 400 }, (_, n) => n + 1))
    t.same(results.map(({ offset }) => offset === undefined), drafts.map(({ volatile }) => volatile))
  })

  t.test('each publish of a turn has its own outcome, by its own key', async t => {
    const node = (await start(t)).node(1)
    await node.broker.subscribe('lobby')
    await node.broker.publish(keyed('before'))
    const other = { id: 'o'.repeat(43) }
    const settled = await Promise.allSettled([
      { room: 'lobby', data: '"1"' }, keyed('before'), keyed('not before'), keyed('2', other), keyed('2', other), keyed('not 2', other),
      keyed('3', { id: 'v'.repeat(43), volatile: true }), keyed('3', { id: 'v'.repeat(43), volatile: true }), keyed('a', { room: 'attic' }), { room: 'lobby', data: '"4"' }
    ].map(draft => node.broker.publish(draft)))
    t.match(settled.map(one => one.status === 'fulfilled' ? [one.value.offset, one.value.duplicate] : (one.reason as { code: string }).code), [
      [2, false], [1, true], 'key_reused', [3, false], [3, true], 'key_reused', [undefined, false], [undefined, true], [1, false], [4, false]
    ])
    await node.arrived('lobby', 4)
    t.same(node.texts, ['"before"', '"1"', '"2"', '"3"', '"4"'])
  })

  t.test('what is large arrives whole and in order, however much of it one turn brings', async t => {
    const node = (await start(t)).node(1)
    await node.broker.subscribe('lobby')
    const texts = Array.from({ length: 20 }, (_, n) => JSON.stringify(`${n}`.padEnd(60_000, 'ü')))
    await Promise.all(texts.map(data => node.broker.publish({ room: 'lobby', data })))
    await node.arrived('lobby', texts.length)
    t.same(node.texts, texts)
  })
}

/** **Volatile**: sent, neither numbered nor kept. */
export function volatileTests (t: Test, start: StartCluster): void {
  t.test('a volatile publication reaches the room, with its sender, exception and time, and takes no offset', async t => {
    const node = (await start(t)).node(1)
    await node.broker.subscribe('lobby')
    const from = { userId: 'alice', connectionId: 'c1' }
    t.same(await node.broker.publish({ room: 'lobby', data: '{"a":"ü👩"}', from, except: 'c2', volatile: true }), { room: 'lobby', duplicate: false })
    t.match(await node.broker.publish({ room: 'lobby', data: '0' }), { offset: 1 })
    await node.arrived('lobby', 1)
    t.match(node.volatile, [{ room: 'lobby', from, except: 'c2', at: Number, offset: undefined, epoch: undefined }])
    t.equal(Buffer.from(node.volatile[0]?.data ?? []).toString(), '{"a":"ü👩"}')
    t.ok(Math.abs(Date.now() - (node.volatile[0]?.at ?? 0)) < WAIT_MS)
  })

  t.test('it is in no history, and reaches nobody who is not subscribed', async t => {
    const node = (await start(t)).node(1)
    await node.broker.publish({ room: 'lobby', data: '1', volatile: true })
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '2' })
    await node.arrived('lobby', 1)
    t.same(node.volatile, [])
    t.equal((await node.broker.history('lobby', { limit: 10, maxBytes: 1_000 })).publications.length, 1)
  })

  t.test('volatile publications keep their order', async t => {
    const node = (await start(t)).node(1)
    await node.broker.subscribe('lobby')
    await Promise.all(Array.from({ length: 100 }, (_, n) => node.broker.publish({ room: 'lobby', data: `${n}`, volatile: true })))
    await node.broker.publish({ room: 'lobby', data: '0' })
    await node.arrived('lobby', 1)
    t.same(node.volatile.map(({ data }) => Number(Buffer.from(data).toString())), Array.from({ length: 100 }, (_, n) => n))
  })
}
