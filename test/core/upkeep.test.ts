import t from 'tap'
import { needOf, type ConnectionAge, type Need } from '../../src/core/upkeep.ts'

const SETTINGS = { pingIntervalMs: 25_000, pongTimeoutMs: 10_000, expiryNoticeMs: 30_000 }
const NOW = 1_000_000

/** What is so many milliseconds ago, or ahead. */
const ago = (ms: number): number => NOW - ms
const ahead = (ms: number): number => NOW + ms

const CASES: ReadonlyArray<{ when: string, age: Partial<ConnectionAge>, need: Need }> = [
  { when: 'it was seen now', age: {}, need: 'nothing' },
  { when: 'it was seen just within the ping interval', age: { seenAt: ago(24_999) }, need: 'nothing' },
  { when: 'it was not seen for the ping interval', age: { seenAt: ago(25_000) }, need: 'ping' },
  { when: 'it was asked and has just time left', age: { seenAt: ago(35_000), askedAt: ago(9_999) }, need: 'nothing' },
  { when: 'it was asked and gave no sign in time', age: { seenAt: ago(35_000), askedAt: ago(10_000) }, need: 'close: no sign of life' },
  { when: 'it gave a sign after it was asked', age: { seenAt: ago(5_000), askedAt: ago(10_000) }, need: 'nothing' },
  { when: 'it gave a sign in the millisecond in which it was asked', age: { seenAt: ago(10_000), askedAt: ago(10_000) }, need: 'nothing' },
  { when: 'it gave a sign long after an old question', age: { seenAt: ago(25_000), askedAt: ago(60_000) }, need: 'ping' },
  { when: 'its token ends later than the notice', age: { expiresAt: ahead(30_001) }, need: 'nothing' },
  { when: 'its token ends within the notice', age: { expiresAt: ahead(30_000) }, need: 'expiry notice' },
  { when: 'its token ends within the notice and it was told', age: { expiresAt: ahead(1), isExpiryTold: true }, need: 'nothing' },
  { when: 'its token ends within the notice and it is due a ping', age: { expiresAt: ahead(1), seenAt: ago(25_000) }, need: 'expiry notice' },
  { when: 'it was told of the end and is due a ping', age: { expiresAt: ahead(1), isExpiryTold: true, seenAt: ago(25_000) }, need: 'ping' },
  { when: 'its token ends now', age: { expiresAt: NOW, isExpiryTold: true }, need: 'close: expired' },
  { when: 'its token has ended before it was told', age: { expiresAt: ago(1) }, need: 'close: expired' },
  { when: 'its token has ended and it gives no sign', age: { expiresAt: ago(1), seenAt: ago(60_000), askedAt: ago(20_000) }, need: 'close: expired' }
]

for (const { when, age, need } of CASES) {
  t.test(`a connection needs "${need}" when ${when}`, async t => {
    t.equal(needOf({ seenAt: NOW, askedAt: 0, expiresAt: null, isExpiryTold: false, ...age }, NOW, SETTINGS), need)
  })
}
