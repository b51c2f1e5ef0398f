import t from 'tap'
import { FrameBudget, type Charge } from '../../src/core/frame-budget.ts'
import { TokenBucket } from '../../src/core/token-bucket.ts'

const RATE = { perSecond: 10, burst: 5 }
const NOW = 1_000_000

/** What becomes of so many frames at one instant. */
function send (budget: FrameBudget, count: number, now = NOW): Charge[] {
  return Array.from({ length: count }, () => budget.charge(now))
}

function kinds (charges: readonly Charge[]): string {
  return charges.map(({ kind }) => kind[0]).join('')
}

t.test('a bucket gives its burst at once, and then as much as time brings', async t => {
  const bucket = new TokenBucket(RATE, NOW)
  for (let count = 0; count < RATE.burst; count++) t.ok(bucket.take(RATE, NOW))
  t.notOk(bucket.take(RATE, NOW))
  t.notOk(bucket.take(RATE, NOW + 99))
  t.ok(bucket.take(RATE, NOW + 100), 'a tenth of a second brings one of ten a second')
  t.notOk(bucket.take(RATE, NOW + 100))
  t.equal(bucket.left(RATE, NOW + 60_000), RATE.burst, 'and never more than the burst')
})

t.test('a bucket loses nothing and gains nothing when its clock is set back', async t => {
  const bucket = new TokenBucket(RATE, NOW)
  bucket.take(RATE, NOW)
  t.equal(bucket.left(RATE, NOW - 60_000), RATE.burst - 1)
  t.ok(bucket.take(RATE, NOW - 60_000))
  t.equal(bucket.left(RATE, NOW - 60_000 + 100), RATE.burst - 1)
})

t.test('P17: of frames sent at once a burst is taken, another is refused, and what comes on is flooding', async t => {
  const budget = new FrameBudget(RATE, NOW)
  t.equal(kinds(send(budget, 12)), 'tttttrrrrrff')
})

t.test('those that are refused at once are told to come one after the other, and are taken then', async t => {
  const budget = new FrameBudget(RATE, NOW)
  const refused = send(budget, 8).slice(RATE.burst)
  const waits = refused.map(charge => charge.kind === 'refused' ? charge.retryAfterMs : 0)
  t.same(waits, [100, 200, 300])
  for (const ms of waits) t.equal(budget.charge(NOW + ms).kind, 'taken', `after ${ms} ms`)
})

t.test('who sends a little more than the rate is served at the rate, for ever', async t => {
  const budget = new FrameBudget(RATE, NOW)
  const fates = new Map<string, number>()
  for (let ms = 0; ms < 60_000; ms += 80) {
    const { kind } = budget.charge(NOW + ms)
    fates.set(kind, (fates.get(kind) ?? 0) + 1)
  }
  t.equal(fates.get('taken'), 604, 'the burst, and ten a second for a minute')
  t.notOk(fates.has('flooding'))
})

t.test('who goes on at more than twice the rate is flooding, in time', async t => {
  const budget = new FrameBudget(RATE, NOW)
  let ms = 0
  while (ms < 10_000 && budget.charge(NOW + ms).kind !== 'flooding') ms += 40
  t.ok(ms > 500 && ms < 2_000, `after ${ms} ms at two and a half times the rate`)
})

t.test('a pause makes good again', async t => {
  const budget = new FrameBudget(RATE, NOW)
  send(budget, 2 * RATE.burst)
  t.equal(kinds(send(budget, 2 * RATE.burst, NOW + 500)), 'tttttrrrrr')
})
