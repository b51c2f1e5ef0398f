import type { Test } from 'tap'
import { ROOM_NAMES } from '../broker-suite/rooms.ts'
import { roomOf, type StartStore, type StoreUnderTest } from '../presence-store.ts'

function byBytes (a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const NAMES = [...new Set(ROOM_NAMES)].sort(byBytes)

/** All pages, each after the `next` of the one before. */
async function pages (under: StoreUnderTest, prefix: string, limit: number): Promise<string[][]> {
  const all: string[][] = []
  for (let after: string | null = ''; after !== null && all.length < 1_000;) {
    const page: { rooms: string[], next: string | null } = await under.store.rooms(prefix, after, limit)
    if (page.next !== null && page.next !== page.rooms.at(-1)) throw new Error('next is the last of its page')
    all.push(page.rooms)
    after = page.next
  }
  return all
}

/** `rooms`. */
export function roomTests (t: Test, start: StartStore): void {
  t.test('where no room is in use there is an empty page', async t => {
    const { store } = await start(t)
    t.same(await store.rooms('', '', 10), { rooms: [], next: null })
    t.same(await store.rooms('a', 'b', 10), { rooms: [], next: null })
  })

  t.test('rooms of any name are listed once, however many nodes use them, in the order of their bytes', async t => {
    const under = await start(t)
    await under.take('n1', 'n2', 'n3')
    for (const [index, name] of ROOM_NAMES.entries()) {
      for (let node = 1; node <= 1 + index % 3; node++) await under.register(`n${node}`, roomOf(name))
    }
    t.strictSame(await under.store.rooms('', '', 1_000), { rooms: NAMES, next: null })
    for (const limit of [1, 2, 7, NAMES.length - 1, NAMES.length]) {
      const all = await pages(under, '', limit)
      t.strictSame(all.flat(), NAMES, `in pages of ${limit}`)
      t.ok(all.every((page, index) => page.length === Math.min(limit, NAMES.length - index * limit)), 'every page but the last is full')
    }
  })

  t.test('a prefix of any kind lists the rooms that begin with it', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const name of NAMES) await under.register('n1', roomOf(name))
    const prefixes = [...NAMES, 'e', 'no such']
    const lists = await Promise.all(prefixes.map(async prefix => (await pages(under, prefix, 3)).flat()))
    t.strictSame(lists, prefixes.map(prefix => NAMES.filter(name => name.startsWith(prefix))))
  })

  t.test('a name to begin after may lie before the prefix, within it, or behind it', async t => {
    const under = await start(t)
    await under.take('n1')
    for (const name of ['a', 'ab', 'b', 'ba', 'bb', 'bc', 'c']) await under.register('n1', roomOf(name))
    const list = async (after: string) => (await under.store.rooms('b', after, 10)).rooms
    t.same(await list('a'), ['b', 'ba', 'bb', 'bc'], 'before')
    t.same(await list('b'), ['ba', 'bb', 'bc'], 'at its beginning')
    t.same(await list('baa'), ['bb', 'bc'], 'at a name that is not in use')
    t.same(await list('bc'), [], 'at its end')
    t.same(await list('c'), [], 'behind')
  })

  t.test('pages are full where many nodes use every room', async t => {
    const under = await start(t)
    const nodes = Array.from({ length: 12 }, (_, index) => `n${index}`)
    await under.take(...nodes)
    const names = Array.from({ length: 20 }, (_, index) => `room ${String(index).padStart(2, '0')}`)
    await Promise.all(names.flatMap(name => nodes.map(nodeId => under.register(nodeId, roomOf(name)))))
    t.same(await pages(under, 'room ', 5), [0, 5, 10, 15].map(from => names.slice(from, from + 5)))
  })

  t.test('a room is in use until the last node has removed it', async t => {
    const under = await start(t)
    await under.take('n1', 'n2')
    for (const nodeId of ['n1', 'n2']) await under.register(nodeId, roomOf('lobby'))
    await under.register('n1', roomOf('lobby'))
    const list = async () => (await under.store.rooms('', '', 10)).rooms
    await under.store.remove('n1', roomOf('lobby'))
    t.same(await list(), ['lobby'])
    await under.store.remove('n1', roomOf('lobby'))
    t.same(await list(), ['lobby'], 'twice is once')
    await under.store.remove('n2', roomOf('lobby'))
    t.same(await list(), [])
  })

  t.test('rooms of nodes whose lease ended are not in use', async t => {
    const under = await start(t, { leases: 'short' })
    await under.take('n1', 'n2')
    for (const name of ['attic', 'lobby']) await under.register('n1', roomOf(name))
    await under.register('n2', roomOf('lobby'))
    await under.passLease()
    t.same(await under.store.rooms('', '', 10), { rooms: [], next: null })
    await under.renew('n2')
    t.same(await under.store.rooms('', '', 10), { rooms: ['lobby'], next: null })
  })

  t.test('a room of an owner without a lease is refused', async t => {
    const under = await start(t)
    await t.rejects(under.register('n1', roomOf('lobby')), { code: 'unavailable' })
    await under.take('n1')
    t.same(await under.store.rooms('', '', 10), { rooms: [], next: null })
  })
}
