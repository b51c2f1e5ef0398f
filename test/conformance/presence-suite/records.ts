import type { Test } from 'tap'
import { nodeNamed, recordOf, type StartStore } from '../presence-store.ts'

const USER_IDS: readonly string[] = [
  ' ', 'a', 'A', 'aa', 'a b', '{', '}', '{}', '{a}', 'a{b', 'a}b', 'a}:connections', ':', '*', '?', '[a]', '\\', '"', "'", '%s', '../a',
  '$', '$all', '0', '1e3', '-0', 'null', '__proto__', 'constructor', 'toString',
  'é', 'e\u0301', 'ß', 'ss', '漢字', 'עברית', 'हिन्दी', '\u200B', '\uFEFFa', '\u2028', '👩‍👩‍👧‍👦', '👩',
  'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(64), '漢'.repeat(42), '👩'.repeat(32)
]

const INFOS: readonly unknown[] = [
  null, true, 0, -1.5, '', 'text with "quotes", \\, \n and \u2028', '漢字 👩‍👩‍👧‍👦', [], {}, [[[]]], { name: 'Alice', tags: ['a', null, { b: 1 }] },
  { 'a key': 'with a space', '': 'empty', nodeId: 'not the owner', userId: 'not the user' }, JSON.parse('{"__proto__":{"a":1}}')
]

/** What is written is what is read. */
export function recordTests (t: Test, start: StartStore): void {
  t.test('a user who was never seen is offline', async t => {
    const { store } = await start(t)
    t.same(await store.connections('alice'), [])
  })

  t.test('a registered connection makes its user online, and its record comes back whole', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    const record = recordOf({ info: { name: 'Alice' }, connectedAt: 1_893_456_000_123 })
    await store.register(record)
    t.strictSame((await store.connections('alice')).map(plain), [plain(record)])
    t.same(await store.connections('bob'), [])
  })

  t.test('registering twice is registering once', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf())
    await store.register(recordOf())
    t.equal((await store.connections('alice')).length, 1)
  })

  t.test('registering again overwrites every field', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    await store.register(recordOf({ connectedAt: 1, transport: 'websocket', info: { old: true } }))
    const record = recordOf({ connectedAt: 2, transport: 'other', info: { new: true } })
    await store.register(record)
    t.strictSame((await store.connections('alice')).map(plain), [plain(record)])
  })

  t.test('connections of one user on several nodes come oldest first', async t => {
    const { store } = await start(t)
    for (const nodeId of ['n1', 'n2', 'n3']) await store.takeLease(nodeNamed(nodeId))
    const times = [5, 1, 4, 2, 3, 10]
    for (const [index, connectedAt] of times.entries()) {
      await store.register(recordOf({ connectionId: `c${index}`, nodeId: `n${1 + index % 3}`, connectedAt }))
    }
    const connections = await store.connections('alice')
    t.same(connections.map(({ connectedAt }) => connectedAt), [1, 2, 3, 4, 5, 10])
    t.same(connections.map(({ nodeId }) => nodeId), ['n2', 'n1', 'n2', 'n3', 'n1', 'n3'])
    t.same(connections.map(({ nodeName }) => nodeName), connections.map(({ nodeId }) => nodeNamed(nodeId).nodeName))
  })

  t.test('removing one connection leaves the others of its user', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    for (const connectionId of ['c1', 'c2']) await store.register(recordOf({ connectionId }))
    await store.remove(recordOf({ connectionId: 'c1' }))
    t.same((await store.connections('alice')).map(({ connectionId }) => connectionId), ['c2'])
  })

  t.test('a user may have any id, and is not confused with another', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    for (const [index, userId] of USER_IDS.entries()) await store.register(recordOf({ userId, connectionId: `c${index}` }))
    for (const [index, userId] of USER_IDS.entries()) {
      const seen = (await store.connections(userId)).map(record => [record.userId === userId, record.connectionId])
      t.strictSame(seen, [[true, `c${index}`]], `user ${index}`)
    }
  })

  t.test('removing a user leaves those with ids alike', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    for (const userId of USER_IDS) await store.register(recordOf({ userId }))
    for (const [index, userId] of USER_IDS.entries()) if (index % 2 === 0) await store.remove(recordOf({ userId }))
    const counts = await Promise.all(USER_IDS.map(async userId => (await store.connections(userId)).length))
    t.same(counts, USER_IDS.map((_, index) => index % 2))
  })

  t.test('info of any JSON comes back as it was', async t => {
    const { store } = await start(t)
    await store.takeLease(nodeNamed('n1'))
    for (const info of INFOS) {
      await store.register(recordOf({ info }))
      const [record] = await store.connections('alice')
      t.equal(JSON.stringify(record?.info), JSON.stringify(info))
      t.match(record, { userId: 'alice', nodeId: 'n1' })
    }
  })
}

/** Field by field: a store may give the fields in another order. */
function plain (record: object): object {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1))
}
