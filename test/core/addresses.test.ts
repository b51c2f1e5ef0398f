import t from 'tap'
import { groupOf } from '../../src/core/address-group.ts'
import { AddressRates, MAX_ADDRESSES } from '../../src/core/address-rates.ts'
import { Places } from '../../src/core/places.ts'

const NOW = 1_000_000

for (const [address, group] of [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['1:2:3:4:5:6:192.0.2.7', '1:2:3:4::/64'],
  ['1::3:4:5:6:192.0.2.7', '1:0:3:4::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
  ['x'.repeat(16_000), 'x'.repeat(64)]
] as const) {
  t.test(`${address.slice(0, 40)} counts as ${group.slice(0, 40)}`, async t => { t.equal(groupOf(address), group) })
}

t.test('each address has a rate of its own, and is told when to come again', async t => {
  const rates = new AddressRates({ perSecond: 2, burst: 3 })
  t.same([1, 2, 3, 4].map(() => rates.charge('a', NOW)), [0, 0, 0, 500])
  t.equal(rates.charge('b', NOW), 0)
  t.equal(rates.charge('a', NOW + 250), 250)
  t.equal(rates.charge('a', NOW + 500), 0)
})

t.test('who has all of its rate again is forgotten', async t => {
  const rates = new AddressRates({ perSecond: 1, burst: 10 })
  for (let count = 0; count < 100; count++) rates.charge(`address ${count}`, NOW)
  t.equal(rates.size, 100)
  rates.charge('another', NOW + 1_000)
  t.equal(rates.size, 1)
})

t.test('of too many addresses the one that was silent longest is forgotten, never one that is heard all the time', async t => {
  const rates = new AddressRates({ perSecond: 1, burst: 2 })
  for (let count = 0; count < 2; count++) rates.charge('busy', NOW)
  for (let count = 0; count < 3 * MAX_ADDRESSES; count++) {
    rates.charge(`address ${count}`, NOW)
    if (rates.charge('busy', NOW) === 0) t.fail('it began anew')
  }
  t.equal(rates.size, MAX_ADDRESSES)
})

t.test('places are taken for all and for each address, and given back', async t => {
  const places = new Places({ maxConnections: 3, maxConnectionsPerAddress: 2 })
  for (const address of ['a', 'a', 'b']) places.take(address)
  t.throws(() => { places.take('c') }, { code: 'limit_exceeded', statusCode: 429, retryAfterMs: 1_000, message: /node/ })
  places.free('b')
  t.throws(() => { places.take('a') }, { code: 'limit_exceeded', message: /address/ })
  t.equal(places.count, 2, 'what is refused takes no place')
  places.take('c')
  for (const address of ['a', 'a', 'c']) places.free(address)
  t.equal(places.count, 0)
  places.take('a')
  t.equal(places.count, 1)
})

t.test('with 0 an address may have all places', async t => {
  const places = new Places({ maxConnections: 100, maxConnectionsPerAddress: 0 })
  for (let count = 0; count < 100; count++) places.take('a')
  t.throws(() => { places.take('a') }, { message: /node/ })
})
