import type { Test } from 'tap'
import type { Broker, HistoryPage, HistoryQuery } from '../../../src/core/broker.ts'
import { until } from '../../helpers/until.ts'
import type { StartCluster } from '../broker.ts'
import { BRIEF_MS } from './history-policy.ts'

function texts ({ publications }: HistoryPage): string[] {
  return publications.map(({ data }) => Buffer.from(data).toString())
}

/** A page that is bounded by its number, unless the query says otherwise. */
function read (broker: Broker, room: string, query: Omit<HistoryQuery, 'maxBytes'> & Partial<HistoryQuery>): Promise<HistoryPage> {
  return broker.history(room, { maxBytes: 1_000_000, ...query })
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
    const page = await read(broker, 'lobby', { limit: 10 })
    t.match(page, { epoch, offset: 1, more: false, publications: [{ room: 'lobby', epoch, offset: 1, from, except: 'c2', at: Number }] })
    t.same(texts(page), ['{"a":"ü👩"}'])
  })

  t.test('a room that has none answers none, and its end', async t => {
    const { broker } = (await start(t)).node(1)
    const { epoch } = await broker.position('lobby')
    t.match(await read(broker, 'lobby', { limit: 10 }), { epoch, offset: 0, publications: [], more: false })
  })

  t.test('pages follow on each other, forwards and backwards', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'lobby', 5)
    const first = await read(broker, 'lobby', { limit: 2 })
    t.same([texts(first), first.more, first.offset], [['1', '2'], true, 5])
    const rest = await read(broker, 'lobby', { from: 2, limit: 3 })
    t.same([texts(rest), rest.more], [['3', '4', '5'], false])
    const newest = await read(broker, 'lobby', { limit: 2, reverse: true })
    t.same([texts(newest), newest.more], [['5', '4'], true])
    const before = await read(broker, 'lobby', { from: 4, limit: 9, reverse: true })
    t.same([texts(before), before.more], [['3', '2', '1'], false])
    t.same(texts(await read(broker, 'lobby', { from: 5, limit: 9 })), [])
  })

  t.test('before the first there are none, and after a beginning that nobody reached all', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'lobby', 2)
    for (const from of [0, 1]) {
      const page = await read(broker, 'lobby', { from, limit: 9, reverse: true })
      t.same([texts(page), page.more, page.offset], [[], false, 2], `${from}`)
    }
    t.same(texts(await read(broker, 'lobby', { from: 0, limit: 9 })), ['1', '2'])
  })

  t.test('a page ends where more would be too large, but never without a publication, and says that there are more', async t => {
    const { broker } = (await start(t)).node(1)
    for (const letter of 'abcdefgh') await broker.publish({ room: 'lobby', data: JSON.stringify(letter.repeat(10_000)) })
    const letters = (page: HistoryPage): string => texts(page).map(text => text[1]).join('')
    const first = await read(broker, 'lobby', { limit: 100, maxBytes: 35_000 })
    t.same([letters(first), first.more, first.offset], ['abc', true, 8])
    const newest = await read(broker, 'lobby', { limit: 100, maxBytes: 35_000, reverse: true })
    t.same([letters(newest), newest.more], ['hgf', true])
    const one = await read(broker, 'lobby', { from: 6, limit: 100, maxBytes: 1 })
    t.same([letters(one), one.more], ['g', true])
    const last = await read(broker, 'lobby', { from: 7, limit: 100, maxBytes: 1 })
    t.same([letters(last), last.more], ['h', false])
  })

  t.test('small publications count too: as many as there are in a page are no larger than it', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'brief', 400)
    const page = await read(broker, 'brief', { limit: 1_000, maxBytes: 10_000 })
    t.ok(page.more)
    t.ok(page.publications.length > 50 && page.publications.length < 160, `${page.publications.length}`)
  })

  t.test('the newest are kept, as many as the policy says', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'short', 10)
    const page = await read(broker, 'short', { limit: 9 })
    t.same([texts(page), page.offset], [['8', '9', '10'], 10])
  })

  t.test('nothing is kept where the policy says so, and offsets go on', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'none', 3)
    t.match(await read(broker, 'none', { limit: 9 }), { offset: 3, publications: [] })
  })

  t.test('what is older than the policy allows is gone, and what is younger is not', async t => {
    const { broker } = (await start(t)).node(1)
    await publish(broker, 'brief', 20)
    await until('the history of the room', [], async () => texts(await read(broker, 'brief', { limit: 99 })))
    await broker.publish({ room: 'brief', data: '"young"' })
    const page = await read(broker, 'brief', { limit: 99 })
    t.same([texts(page), page.offset], [['"young"'], 21])
  })

  t.test('what grows too old at once goes, and nothing else', async t => {
    const { broker } = (await start(t)).node(1)
    const times: number[] = []
    const one = async (): Promise<number> => {
      const { offset = NaN } = await broker.publish({ room: 'brief', data: '0' })
      const [{ at = 0 } = {}] = (await read(broker, 'brief', { limit: 1, reverse: true })).publications
      times[offset] = at
      return at
    }
    for (let burst = 0; burst < 12; burst++) {
      const began = Date.now()
      for (let n = 0; n < 40; n++) await one()
      await until('the next burst', true, () => Date.now() - began >= 70)
      const before = times.at(-1) ?? 0
      const { publications } = await read(broker, 'brief', { limit: 1_000 })
      const after = await one()
      const kept = new Set(publications.map(({ offset }) => offset))
      t.same(publications.filter(({ at }) => at <= before - BRIEF_MS), [], 'nothing that was too old')
      t.same(times.map((at, offset) => ({ at, offset })).filter(({ at, offset }) => at > after - BRIEF_MS && offset < times.length - 1 && !kept.has(offset)), [],
        'all that was young enough')
    }
  })

  t.test('a history that was forgotten is empty, its subscribers hear of it, and offsets go on', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await publish(node.broker, 'lobby', 3)
    await node.broker.forget('lobby')
    t.same(texts(await read(node.broker, 'lobby', { limit: 9 })), [])
    await until('word of it', ['lobby'], () => node.forgotten)
    t.match(await node.broker.publish({ room: 'lobby', data: '4' }), { offset: 4 })
    t.same(texts(await read(node.broker, 'lobby', { limit: 9 })), ['4'])
  })
}
