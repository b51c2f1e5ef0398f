import type { Test } from 'tap'
import { textOf } from '../broker-cluster.ts'
import type { StartCluster } from '../broker.ts'

/** JSON texts that parsing and serialising again, or a careless frame around them, would change. */
const TEXTS: Readonly<Record<string, string>> = {
  null: 'null',
  true: 'true',
  'a number': '0',
  'a number that is written in another way than JavaScript would': '-1.50E+2',
  'a number that no double can hold': '12345678901234567890123',
  'an empty string': '""',
  'an empty object': '{}',
  'an empty array': '[]',
  'white space and line feeds': '{\n  "a" : [ 1,\t2 ]\r\n}\n',
  'keys twice and in an order of their own': '{"b":1,"2":1,"a":1,"b":2}',
  'keys that mean something to JavaScript': '{"__proto__":{"a":1},"constructor":2,"toJSON":3}',
  'escapes that need not be': '"\\u0041\\/\\u2028"',
  'line separators and a byte order mark': '"\u2028\u2029\uFEFF"',
  'every script': '"åß漢字עברית हिन्दी 👩‍👩‍👧‍👦 e\u0301"',
  'a lone surrogate, escaped': '"\\ud83d"',
  'what looks like a head': '"p epoch 1 1 - 0\\n{}"',
  '60 kB': JSON.stringify('é'.repeat(30_000))
}

/** The payload, and what travels beside it. */
export function contentTests (t: Test, start: StartCluster): void {
  t.test('the data arrives byte for byte as it was published', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    for (const [what, data] of Object.entries(TEXTS)) {
      await node.broker.subscribe(what)
      await node.broker.publish({ room: what, data })
      const [publication, ...more] = await cluster.all(node, what, 1)
      t.ok(Buffer.from(data).equals(publication?.data ?? Buffer.alloc(0)), what)
      t.same(more, [])
    }
  })

  t.test('the sender and the connection to leave out travel with the publication', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    const from = { userId: 'alice', connectionId: 'c1' }
    await node.broker.publish({ room: 'lobby', data: '1', from, except: 'c2' })
    const [publication] = await cluster.all(node, 'lobby', 1)
    t.strictSame(publication?.from, from)
    t.equal(publication?.except, 'c2')
  })

  t.test('a publication without sender and exception arrives without them', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    await node.broker.publish({ room: 'lobby', data: '1', from: { userId: 'alice', connectionId: 'c1' }, except: 'c2' })
    await node.broker.publish({ room: 'lobby', data: '2' })
    const publications = await cluster.all(node, 'lobby', 2)
    t.equal(publications[1]?.from, undefined)
    t.equal(publications[1]?.except, undefined)
  })

  t.test('a sender may have any user id', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    await node.broker.subscribe('lobby')
    const userIds = ['a b', '"', '\\', '{}', '__proto__', '漢字', '👩‍👩‍👧‍👦', '\u2028', 'é'.repeat(64)]
    for (const userId of userIds) await node.broker.publish({ room: 'lobby', data: '[]', from: { userId, connectionId: 'c1' } })
    const publications = await cluster.all(node, 'lobby', userIds.length)
    t.ok(publications.every(({ from }, index) => from?.userId === userIds[index]))
    t.ok(publications.every(publication => textOf(publication) === '[]'))
  })
}
