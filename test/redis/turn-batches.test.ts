import t from 'tap'
import { TurnBatches } from '../../src/redis/turn-batches.ts'

/** Batches whose calls are noted, and answered by the test. */
class Sent {
  readonly calls: Array<{ readonly key: string, readonly items: readonly number[] }> = []
  readonly batches: TurnBatches<number>
  failing: string | undefined

  constructor (most = 3) {
    this.batches = new TurnBatches({
      most,
      send: async (key, items) => {
        this.calls.push({ key, items: [...items] })
        if (key === this.failing) throw new Error(key)
      }
    })
  }
}

t.test('what one turn brings for a key is sent together, in order, and answered together', async t => {
  const { batches, calls } = new Sent()
  const answers = Promise.all([batches.add('a', 1), batches.add('b', 2), batches.add('a', 3)])
  t.same(calls, [], 'not before the end of the turn')
  await answers
  t.same(calls, [{ key: 'a', items: [1, 3] }, { key: 'b', items: [2] }])
})

t.test('another turn is another call', async t => {
  const { batches, calls } = new Sent()
  await batches.add('a', 1)
  await batches.add('a', 2)
  t.same(calls.map(({ items }) => items), [[1], [2]])
})

t.test('a call holds no more than it may, and nothing is lost between calls', async t => {
  const { batches, calls } = new Sent(3)
  await Promise.all([1, 2, 3, 4, 5, 6, 7].map(item => batches.add('a', item)))
  t.same(calls.map(({ items }) => items), [[1, 2, 3], [4, 5, 6], [7]])
  await Promise.all([1, 2, 3].map(item => batches.add('a', item)))
  t.same(calls.at(-1)?.items, [1, 2, 3])
})

t.test('a call that fails fails for what was in it, and for nothing else', async t => {
  const sent = new Sent()
  sent.failing = 'a'
  const settled = await Promise.allSettled([sent.batches.add('a', 1), sent.batches.add('b', 2), sent.batches.add('a', 3)])
  t.same(settled.map(({ status }) => status), ['rejected', 'fulfilled', 'rejected'])
})
