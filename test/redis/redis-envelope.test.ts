import t from 'tap'
import { decodeEnvelope, encodeRest } from '../../src/redis/redis-envelope.ts'

/** What the script puts before the publisher's part. */
const HEAD = 'p epoch-1 7 1000 '

t.test('an envelope is read as it was written', async t => {
  const from = { userId: 'a "b" \u2028 👩', connectionId: 'c1' }
  const envelope = Buffer.from(HEAD + encodeRest({ room: 'lobby', data: '{ "a" : 1.0 }', from, except: 'c2' }))
  t.strictSame(decodeEnvelope('lobby', envelope), {
    kind: 'publication',
    publication: { room: 'lobby', epoch: 'epoch-1', offset: 7, at: 1_000, except: 'c2', from, data: Buffer.from('{ "a" : 1.0 }') }
  })
})

t.test('an envelope without sender and exception is read without them', async t => {
  const envelope = Buffer.from(HEAD + encodeRest({ room: 'lobby', data: '"p\\n 0"' }))
  t.strictSame(decodeEnvelope('lobby', envelope), {
    kind: 'publication',
    publication: { room: 'lobby', epoch: 'epoch-1', offset: 7, at: 1_000, except: undefined, from: undefined, data: Buffer.from('"p\\n 0"') }
  })
})

t.test('a join and a leave are read as the scripts write them', async t => {
  const userId = 'a "b" \n 👩'
  const write = (kind: string) => Buffer.from(`${kind} epoch-1 7 ${Buffer.byteLength(userId)}\n${userId}{"name":"A"}`)
  for (const [kind, type] of [['j', 'join'], ['l', 'leave']] as const) {
    t.strictSame(decodeEnvelope('lobby', write(kind)), {
      kind: 'member event', event: { type, room: 'lobby', member: { userId, info: { name: 'A' } }, epoch: 'epoch-1', version: 7 }
    })
  }
  t.match(decodeEnvelope('lobby', Buffer.from('j e 1 1\nanull')), { event: { member: { userId: 'a', info: null } } })
})

t.test('what is no envelope is recognised, and never throws: anybody with access to Redis may publish on our channels', async t => {
  const garbage = [
    '', '\n', ' ', 'hello', '{"a":1}', 'p', 'p\n', 'p epoch\n', 'x epoch-1 7 1000 - 0\n1', 'p epoch-1 7 1000 -\n1', 'p epoch-1 7 1000 - 0',
    'p epoch-1 7 1000 - 3\nabc1', 'p epoch-1 7 1000 - 99\n{"userId":"a","connectionId":"c"}1', 'p epoch-1 7 1000 - x\n1', 'p epoch-1 7 1000 - -1\n1',
    'p epoch-1 NaN 1000 - 0\n1', 'p epoch-1 seven 1000 - 0\n1', 'p epoch-1 7 now - 0\n1', 'p epoch-1 0 1000 - 0\n1', 'p epoch-1 1.5 1000 - 0\n1',
    'j', 'j\n', 'j epoch-1 7 1', 'j epoch-1 7 1\n', 'j epoch-1 7 1\na', 'j epoch-1 7 1\na{', 'j epoch-1 7 9\nanull', 'j epoch-1 0 1\nanull',
    'l epoch-1 7 -1\nanull', 'l epoch-1 7 x\nanull', 'k epoch-1 7 1\nanull', 'jl epoch-1 7 1\nanull', 'j epoch-1 1.5 1\nanull'
  ]
  for (const text of garbage) {
    t.equal(outcomeOf(text), undefined, JSON.stringify(text))
  }
})

function outcomeOf (text: string): unknown {
  try {
    return decodeEnvelope('lobby', Buffer.from(text))
  } catch (error) {
    return `threw ${String(error)}`
  }
}
