import type { Test } from 'tap'
import type { PresenceEntry } from '../../../src/core/presence-entry.ts'
import { connectionOf, nodeNamed, type StartStore } from '../presence-store.ts'

/** Ids that a store might stumble over. */
export const USER_IDS: readonly string[] = [
  ' ', 'a', 'A', 'aa', 'a b', '{', '}', '{}', '{a}', 'a{b', 'a}b', 'a}:connections', ':', '*', '?', '[a]', '\\', '"', "'", '%s', '../a',
  '$', '$all', '0', '1e3', '-0', 'null', '__proto__', 'constructor', 'toString',
  'é', 'e\u0301', 'ß', 'ss', '漢字', 'עברית', 'हिन्दी', '\u200B', '\uFEFFa', '\u2028', '👩‍👩‍👧‍👦', '👩',
  'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(64), '漢'.repeat(42), '👩'.repeat(32)
]

export const INFOS: readonly unknown[] = [
  null, true, 0, -1.5, '', 'text with "quotes", \\, \n and \u2028', '漢字 👩‍👩‍👧‍👦', [], {}, [[[]]], { name: 'Alice', tags: ['a', null, { b: 1 }] },
  { 'a key': 'with a space', '': 'empty', nodeId: 'not the owner', userId: 'not the user' }, JSON.parse('{"__proto__":{"a":1}}')
]

/** What is written is what is read. */
export function recordTests (t: Test, start: StartStore): void {
  t.test('a user who was never seen is offline', async t => {
    const under = await start(t)
    t.same(await under.connections('alice'), [])
  })

  t.test('a registered connection makes its user online, and its record comes back whole', async t => {
    const under = await start(t)
    await under.take('n1')
    const entry = connectionOf({ info: { name: 'Alice' }, connectedAt: 1_893_456_000_123 })
    await under.register('n1', entry)
    t.strictSame((await under.connections('alice')).map(plain), [recordOf(entry)])
    t.same(await under.connections('bob'), [])
  })

  t.test('what is registered before a publication is so at an instant before it, and what is registered after it, after it', async t => {
    const under = await start(t)
    await under.take('n1')
    const before = [await under.register('n1', connectionOf()), await under.register('n1', connectionOf({ connectionId: 'c2' }), { most: 2 })]
    const at = await under.publishedAt()
    await under.pass(2)
    const after = [await under.register('n1', connectionOf()), await under.register('n1', connectionOf({ connectionId: 'c2' }), { most: 2 })]
    t.ok(before.every(instant => instant <= at), `${before.join()} are before ${at}`)
    t.ok(after.every(instant => instant > at), `${after.join()} are after ${at}`)
  })

  t.test('registering twice is registering once', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.register('n1', connectionOf())
    await under.register('n1', connectionOf())
    t.equal((await under.connections('alice')).length, 1)
  })

  t.test('registering again overwrites every field', async t => {
    const under = await start(t)
    await under.take('n1')
    await under.register('n1', connectionOf({ connectedAt: 1, transport: 'websocket', info: { old: true } }))
    const entry = connectionOf({ connectedAt: 2, transport: 'other', info: { new: true } })
    await under.register('n1', entry)
    t.strictSame((await under.connections('alice')).map(plain), [recordOf(entry)])
  })

  t.test('connections of one user on several nodes come oldest first', async t => {
    const under = await start(t)
    await under.take('n1', 'n2', 'n3')
    const times = [5, 1, 4, 2, 3, 10]
    for (const [index, connectedAt] of times.entries()) {
      await under.register(`n${1 + index % 3}`, connectionOf({ connectionId: `c${index}`, connectedAt }))
    }
    const connections = await under.connections('alice')
    t.same(connections.map(({ connectedAt }) => connectedAt), [1, 2, 3, 4, 5, 10])
    t.same(connections.map(({ nodeId }) => nodeId), ['n2', 'n1', 'n2', 'n3', 'n1', 'n3'])
    t.same(connections.map(({ nodeName }) => nodeName), connections.map(({ nodeId }) => nodeNamed(nodeId).nodeName))
  })

  t.test('removing one connection leaves the others of its user', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const connectionId of ['c1', 'c2']) await under.register('n1', connectionOf({ connectionId }))
    await under.store.remove('n1', connectionOf({ connectionId: 'c1' }))
    t.same((await under.connections('alice')).map(({ connectionId }) => connectionId), ['c2'])
  })

  t.test('a user may have any id, and is not confused with another', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const [index, userId] of USER_IDS.entries()) await under.register('n1', connectionOf({ userId, connectionId: `c${index}` }))
    for (const [index, userId] of USER_IDS.entries()) {
      const seen = (await under.connections(userId)).map(record => [record.userId === userId, record.connectionId])
      t.strictSame(seen, [[true, `c${index}`]], `user ${index}`)
    }
  })

  t.test('removing a user leaves those with ids alike', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const userId of USER_IDS) await under.register('n1', connectionOf({ userId }))
    for (const [index, userId] of USER_IDS.entries()) if (index % 2 === 0) await under.store.remove('n1', connectionOf({ userId }))
    const counts = await Promise.all(USER_IDS.map(async userId => (await under.connections(userId)).length))
    t.same(counts, USER_IDS.map((_, index) => index % 2))
  })

  t.test('info of any JSON comes back as it was', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const info of INFOS) {
      await under.register('n1', connectionOf({ info }))
      const [record] = await under.connections('alice')
      t.equal(JSON.stringify(record?.info), JSON.stringify(info))
      t.match(record, { userId: 'alice', nodeId: 'n1' })
    }
  })
}

/** Field by field: a store may give the fields in another order. */
function plain (record: object): object {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1))
}

/** What an entry of n1 becomes in an answer. */
function recordOf (entry: PresenceEntry): object {
  const { kind: _, ...fields } = entry
  return plain({ ...nodeNamed('n1'), ...fields })
}
