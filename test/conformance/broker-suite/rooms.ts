import type { Test } from 'tap'
import { textOf } from '../broker-cluster.ts'
import type { StartCluster } from '../broker.ts'

/** Names that a key, a channel, a pattern, a path or an object of JavaScript could confuse. */
export const ROOM_NAMES: readonly string[] = [
  ' ', '  ', 'a', 'A', 'aa', 'a ', ' a', 'a b', 'a  b',
  '{', '}', '{}', '}{', '{a}', '{a}b', 'a{b', 'a}b', 'a}b}', '{a', 'a}', '{{a}}', '{}a',
  ':', 'a:', ':a', 'a:b', 'a:b:end', 'a}:end', 'a}:live', '*', '?', '[a]', '[^a]', '\\', 'a\\b', '\\*', '%', '%s', '%20', 'a/b', '../a', '.', '..',
  '"', "'", '`', '$', '$all', '$user:alice', '$user:', '#', '-', '0', '00', '1e3', 'null', 'undefined',
  '__proto__', 'constructor', 'toString', 'hasOwnProperty',
  'é', 'e\u0301', 'ß', 'ss', 'İ', 'i', 'ﬁ', 'fi', '漢字', 'עברית', '\u200B', 'a\u200Bb', '\uFEFFa', '\u2028', '👩‍👩‍👧‍👦', '👩', '🏳️‍🌈',
  'x'.repeat(199), 'x'.repeat(200), '👩'.repeat(50), `${'x'.repeat(199)}y`
]

/** Names are compared byte by byte, whatever they hold. */
export function roomTests (t: Test, start: StartCluster): void {
  t.test('a room may have any name, and gets nothing of another', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    for (const room of ROOM_NAMES) await node.broker.subscribe(room)
    await Promise.all(ROOM_NAMES.map(room => node.broker.publish({ room, data: JSON.stringify(room) })))
    await cluster.barrier(node)
    const isAlone = (room: string): boolean => {
      const [publication, ...more] = node.of(room)
      return publication?.offset === 1 && textOf(publication) === JSON.stringify(room) && more.length === 0
    }
    t.same(ROOM_NAMES.filter(room => !isAlone(room)).map(escape), [])
    t.equal(node.received.length, ROOM_NAMES.length + 1, 'one for each room, and the barrier')
  })

  t.test('of rooms with names alike, only the subscribed one is heard', async t => {
    const cluster = await start(t)
    const node = cluster.node(1)
    const heard = ROOM_NAMES.filter((_, index) => index % 2 === 0)
    for (const room of ROOM_NAMES) await node.broker.subscribe(room)
    for (const room of ROOM_NAMES) if (!heard.includes(room)) await node.broker.unsubscribe(room)
    await Promise.all(ROOM_NAMES.map(room => node.broker.publish({ room, data: '1' })))
    await cluster.barrier(node)
    const rooms = node.received.map(({ room }) => room).filter(room => !room.startsWith('barrier '))
    t.strictSame(rooms.sort().map(escape), [...heard].sort().map(escape))
  })

  t.test('rooms with names alike are numbered apart', async t => {
    const { broker } = (await start(t)).node(1)
    for (const [index, room] of ROOM_NAMES.entries()) {
      for (let count = 0; count < index % 3; count++) await broker.publish({ room, data: '1' })
    }
    const wrong: string[] = []
    for (const [index, room] of ROOM_NAMES.entries()) {
      if ((await broker.position(room)).offset !== index % 3) wrong.push(escape(room))
    }
    t.same(wrong, [])
  })
}

/** Line separators of Unicode within a test's report would end its lines. */
function escape (name: string): string {
  return name.replaceAll(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
