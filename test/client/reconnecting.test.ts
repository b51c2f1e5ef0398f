import t from 'tap'
import { backoff } from '../../client/backoff.ts'
import { reconnect } from '../../client/reconnect.ts'
import { closeCodes } from '../../src/core/close-codes.ts'

t.test('P54: a wait is anything up to a span that doubles with each failure and has a bound', async t => {
  const cases = [
    { failures: 0, random: 0, ms: 0 },
    { failures: 0, random: 0.5, ms: 250 },
    { failures: 0, random: 0.999, ms: 499 },
    { failures: 1, random: 0.5, ms: 500 },
    { failures: 5, random: 0.5, ms: 8_000 },
    { failures: 6, random: 0.5, ms: 10_000 },
    { failures: 5_000, random: 0.5, ms: 10_000 }
  ]
  for (const { failures, random, ms } of cases) {
    t.equal(backoff({ failures, random, baseMs: 500, maxMs: 20_000 }), ms, `${failures} failures, ${random}`)
  }
})

t.test('P54: two thousand clients that are cut at once come back spread over the whole span', async t => {
  const slots = new Array<number>(10).fill(0)
  for (let client = 0; client < 2_000; client++) {
    const slot = Math.floor(backoff({ failures: 0, baseMs: 500, maxMs: 20_000, random: Math.random() }) / 50)
    slots[slot] = (slots[slot] ?? 0) + 1
  }
  for (const count of slots) t.ok(count > 100 && count < 300, `${count} clients in a tenth of the span`)
})

t.test('the client obeys the close table of the server', async t => {
  for (const { code, reason, reconnect: wanted } of Object.values(closeCodes)) t.equal(reconnect(code), wanted, reason)
})

t.test('violations of the WebSocket protocol are final, and what is in no table may pass', async t => {
  const cases = { 1000: 'backoff', 1002: 'never', 1005: 'backoff', 1006: 'backoff', 1007: 'never', 1011: 'backoff', 4999: 'backoff' }
  for (const [code, wanted] of Object.entries(cases)) t.equal(reconnect(Number(code)), wanted, code)
})
