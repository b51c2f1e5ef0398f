import t from 'tap'
import { redirectionIn } from '../../src/redis/redis-calls.ts'
import { addressOf, parseSlots, readAddress, SLOTS, slotOf } from '../../src/redis/slot-map.ts'

t.test('a slot is that of what stands in the first braces, as the specification has it', t => {
  t.equal(slotOf('123456789'), 12_739, 'the example of the specification')
  t.equal(slotOf('{user1000}.following'), slotOf('{user1000}.followers'))
  t.equal(slotOf('foo{{bar}}zap'), slotOf('{bar'))
  t.end()
})

t.test('who has which slots is read as a master tells it, its own host too', t => {
  const { owners, masters } = parseSlots([
    [0, 99, ['10.0.0.1', 7_000, 'a'], ['10.0.0.9', 7_009, 'its replica']],
    [100, 100, ['', 7_001, 'b']],
    [101, 16_382, ['::1', 7_002, 'c']]
  ], 'here')
  t.equal(owners.length, SLOTS)
  t.same([owners[0], owners[99], owners[100], owners[101], owners[16_382], owners[16_383]],
    ['10.0.0.1:7000', '10.0.0.1:7000', 'here:7001', '[::1]:7002', '[::1]:7002', undefined])
  t.same([...masters], ['10.0.0.1:7000', 'here:7001', '[::1]:7002'])
  t.equal(addressOf('redis-0.redis', '6379'), 'redis-0.redis:6379')
  t.end()
})

t.test('an address is read as Redis writes it, and none where it does not know the host', t => {
  t.same(['127.0.0.1:6381', '::1:7001', 'redis-0.redis:6379', ':7001', '?:7001'].map(readAddress), ['127.0.0.1:6381', '[::1]:7001', 'redis-0.redis:6379', undefined, undefined])
  t.same([...parseSlots([[0, 1, ['?', 7_001]], [2, 3, [null, 7_002]]], 'here').masters], ['here:7001', 'here:7002'])
  t.end()
})

t.test('a redirection is found wherever it is the cause', t => {
  const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })
  const wrapped = (message: string): Error => new Error('outer', { cause: new Error('inner', { cause: reply(message) }) })
  t.same(redirectionIn(wrapped('MOVED 3999 127.0.0.1:6381')), { kind: 'MOVED', slot: 3_999, address: '127.0.0.1:6381' })
  t.same(redirectionIn(reply('ASK 3999 127.0.0.1:6381')), { kind: 'ASK', slot: 3_999, address: '127.0.0.1:6381' })
  t.same(redirectionIn(reply('MOVED 5 ::1:7001')), { kind: 'MOVED', slot: 5, address: '[::1]:7001' })
  t.same(redirectionIn(reply('TRYAGAIN Multiple keys request during rehashing of slot')), { kind: 'TRYAGAIN' })
  for (const other of [reply('CLUSTERDOWN The cluster is down'), new Error('MOVED 1 nowhere:1'), 'MOVED', undefined]) t.equal(redirectionIn(other), undefined)
  t.end()
})

t.end()
