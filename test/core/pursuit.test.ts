import t from 'tap'
import { Pursuit } from '../../src/core/pursuit.ts'
import { until } from '../helpers/until.ts'

t.test('it is done again until it succeeds, and not after that', async t => {
  const outcomes = [false, false, true]
  let attempts = 0
  await new Pursuit({ attempt: async () => outcomes[attempts++] ?? true, retryMs: 1 }).begin()
  t.equal(attempts, 3)
})

t.test('begun anew, however often, it is done once more, after the attempt that is under way', async t => {
  const attempts: Array<(isDone: boolean) => void> = []
  const pursuit = new Pursuit({ attempt: () => new Promise(resolve => { attempts.push(resolve) }), retryMs: 1 })
  const begun = [pursuit.begin(), pursuit.begin(), pursuit.begin()]
  t.equal(attempts.length, 1, 'no two attempts at a time')
  attempts[0]?.(true)
  await until('the next attempt', 2, () => attempts.length)
  attempts[1]?.(false)
  await until('another, since that one failed', 3, () => attempts.length)
  attempts[2]?.(true)
  await Promise.all(begun)
  t.equal(attempts.length, 3)
  const again = pursuit.begin()
  attempts[3]?.(true)
  await again
  t.equal(attempts.length, 4)
})

t.test('stopped it ends after the attempt that is under way, and begins no more', async t => {
  let attempts = 0
  const pursuit = new Pursuit({ attempt: async () => { attempts++; pursuit.stop(); return false }, retryMs: 1 })
  await pursuit.begin()
  await pursuit.begin()
  t.equal(attempts, 1)
})
