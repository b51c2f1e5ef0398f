import type { Test } from 'tap'
import type { Broker, HistoryPage } from '../../../src/core/broker.ts'
import { until } from '../../helpers/until.ts'
import type { StartCluster } from '../broker.ts'

function texts ({ publications }: HistoryPage): string[] {
  return publications.map(({ data }) => Buffer.from(data).toString())
}

async function publish (broker: Broker, room: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await broker.publish({ room, data: `${n}` })
}

/** **History**: what is kept, for how long, and what of it is answered. */
export function historyTests (t: Test, start: StartCluster): void {
  t.test('what was sent is kept, with its offset, sender, exception and time', async t => {
    const { broker } = (await start(t)).node(1)
    const from = { userId: 'alice', connectionId: 'c1' }
    const { epoch } = await broker.publish({ room: 'lobby', data: '{"a":"ü👩"}', from, except: 'c2' })
    const page = await broker.history('lobby', { limit: 10 })
    t.match(page, { epoch, offset: 1, more: false, publications: [{ room: 'lobby', epoch, offset: 1, from, except: 'c2', at: Number }] })
    t.same(texts(page), ['{"a":"ü👩"}'])
  })

  t.test('a room that has none answers none, and its end', async t => {
    const { broker } = (await start(t)).node(1)
    const { epoch } = await broker.position('lobby')
    t.match(await broker.history('lobby', { limit: 10 }), { epoch, offset: 0, publications: [], more: false })
  })

  t.test('pages follow on each other, forwards and backwards', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'lobby', 5)
    const first = await broker.history('lobby', { limit: 2 })
    t.same([texts(first), first.more, first.offset], [['1', '2'], true, 5])
    const rest = await broker.history('lobby', { from: 2, limit: 3 })
    t.same([texts(rest), rest.more], [['3', '4', '5'], false])
    const newest = await broker.history('lobby', { limit: 2, reverse: true })
    t.same([texts(newest), newest.more], [['5', '4'], true])
    const before = await broker.history('lobby', { from: 4, limit: 9, reverse: true })
    t.same([texts(before), before.more], [['3', '2', '1'], false])
    t.same(texts(await broker.history('lobby', { from: 5, limit: 9 })), [])
  })

  t.test('the newest are kept, as many as the policy says', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'short', 10)
    const page = await broker.history('short', { limit: 9 })
    t.same([texts(page), page.offset], [['8', '9', '10'], 10])
  })

  t.test('nothing is kept where the policy says so, and offsets go on', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'none', 3)
    t.match(await broker.history('none', { limit: 9 }), { offset: 3, publications: [] })
  })

  t.test('what is older than the policy allows is gone, and what is younger is not', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'brief', 20)
    await until('the history of the room', [], async () => texts(await broker.history('brief', { limit: 99 })))
    await broker.publish({ room: 'brief', data: '"young"' })
    const page = await broker.history('brief', { limit: 99 })
    t.same([texts(page), page.offset], [['"young"'], 21])
  })

  t.test('a history that was forgotten is empty, its subscribers hear of it, and offsets go on', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await publish(node.broker, 'lobby', 3)
    await node.broker.forget('lobby')
    t.same(texts(await node.broker.history('lobby', { limit: 9 })), [])
    await until('word of it', ['lobby'], () => node.forgotten)
    t.match(await node.broker.publish({ room: 'lobby', data: '4' }), { offset: 4 })
    t.same(texts(await node.broker.history('lobby', { limit: 9 })), ['4'])
  })
}
