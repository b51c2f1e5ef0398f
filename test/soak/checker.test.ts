import t from 'tap'
import { DeliveryBook } from './delivery-book.ts'
import { Findings } from './findings.ts'
import { excess } from './measure.ts'
import { MemberBook } from './member-book.ts'
import { makePlan, faults, type PlanOptions, type Step } from './plan.ts'
import { Publishes, type Answer } from './publishing.ts'
import { WireBook } from './wire-book.ts'

const at = (offset: number, epoch = 'a') => ({ epoch, offset })

/** A book in which three publications were accepted, and a subscriber who was there from the beginning. */
function open () {
  const findings = new Findings(() => 7)
  const book = new DeliveryBook(findings)
  for (const offset of [1, 2, 3]) book.accept('lobby', at(offset), 10 * offset)
  const stream = book.stream('alice', 'lobby')
  stream.subscribed(at(0))
  return {
    book,
    stream,
    findings,
    get: (...offsets: number[]) => { for (const offset of offsets) stream.message(at(offset), 10 * offset) },
    close: (last = at(3)) => {
      book.close(new Map([['lobby', last]]))
      return findings.kept.map(({ what }) => what)
    }
  }
}

t.test('whoever is told everything once and in order leaves nothing open', async t => {
  const { get, close, book } = open()
  get(1, 2, 3)
  t.same(close(), [])
  t.equal(book.delivered, 3)
})

t.test('a delivery that is missing, doubled, swapped or another is found', async t => {
  const end = open()
  end.get(1, 2)
  t.same(end.close(), ['alice is at a 2 of lobby, which got to a 3'])
  const middle = open()
  middle.get(1, 3)
  t.same(middle.close(), ['alice lacks what stands between 1 and 3 of lobby under a'])
  const doubled = open()
  doubled.get(1, 2, 2, 3)
  t.same(doubled.close(), ['alice got publication 20 of lobby at 2 again, or late: it had got to 2'])
  const swapped = open()
  swapped.get(2, 1, 3)
  t.equal(swapped.close().length, 3, swapped.findings.kept.map(({ what }) => what).join('; '))
  const other = open()
  other.get(1)
  other.stream.message(at(2), 99)
  other.get(3)
  t.same(other.close(), ['a 2 of lobby is publication 99, and was 20'])
  t.equal(other.findings.kept[0]?.atMs, 7, 'with its time')
})

t.test('whoever unsubscribes is owed nothing more', async t => {
  const { get, stream, close } = open()
  get(1)
  stream.end()
  t.same(close(), [])
})

t.test('what was refused must never be seen, whichever is known first', async t => {
  const before = open()
  before.book.refuse('lobby', 10)
  t.match(before.close().join('; '), /publication 10 of lobby was refused, and stands at a 1/)
  const after = open()
  after.book.refuse('lobby', 40)
  after.get(1, 2, 3)
  after.stream.message(at(4), 40)
  t.match(after.close(at(4)), ['publication 40 of lobby was refused, and stands at a 4'])
  const unseen = open()
  unseen.get(1, 2, 3)
  unseen.stream.subscribed(at(4))
  t.same(unseen.close(at(4)), ['alice is subscribed to lobby at 4 after 3, and was told of no hole', 'lobby: nobody knows what stands at a 4'])
})

t.test('a publication that is published twice is found, unless Redis lost the first', async t => {
  const twice = open()
  twice.book.accept('lobby', at(4), 10)
  t.same(twice.findings.kept.map(({ what }) => what), ['publication 10 of lobby stands at a 1 and at a 4'])
  const lost = open()
  lost.book.losing()
  lost.book.hasLost()
  lost.book.accept('lobby', at(4, 'b'), 10)
  t.same(lost.findings.kept, [])
})

t.test('a hole may be told where Redis was emptied, and nowhere else', async t => {
  const told = open()
  told.get(1, 2)
  told.book.losing()
  told.stream.gap(at(0, 'b'))
  told.book.hasLost()
  told.book.accept('lobby', at(1, 'b'), 40)
  told.stream.message(at(1, 'b'), 40)
  t.same(told.close(at(1, 'b')), [])
  t.equal(told.book.gaps, 1)
  const untold = open()
  untold.get(1, 2)
  untold.book.losing()
  untold.book.hasLost()
  untold.book.accept('lobby', at(1, 'b'), 40)
  untold.stream.message(at(1, 'b'), 40)
  t.ok(untold.close(at(1, 'b')).length > 0, 'an emptied Redis that nobody was told of')
  const needless = open()
  needless.get(1)
  needless.stream.gap(at(3))
  t.same(needless.close(), ['alice was told a hole in lobby from a 1 to a 3, and Redis had lost nothing'])
})

t.test('a numbering may go on under another name, if it means the same', async t => {
  const same = open()
  same.get(1)
  for (const offset of [2, 3]) same.stream.message(at(offset, 'b'), 10 * offset)
  same.book.accept('lobby', at(4, 'b'), 40)
  same.stream.message(at(4, 'b'), 40)
  t.same(same.close(at(4, 'b')), [])
  const older = open()
  older.get(1, 2)
  older.book.accept('lobby', at(3, 'b'), 50)
  older.stream.message(at(3, 'b'), 50)
  t.match(older.close(at(3, 'b')), [/offset 3 is publication 50 under b, and was 30 before/], 'what had been accepted is gone')
})

t.test('an outcome that is unknown is tried again under its key, and a refusal after it says nothing', async t => {
  const answers: Answer[] = [{ kind: 'unknown' }, { kind: 'refused' }, { kind: 'published', place: at(1) }]
  const keys: string[] = []
  const book = new DeliveryBook(new Findings(() => 0))
  const publishes = new Publishes(book)
  const place = await publishes.settle('lobby', 5, async key => {
    keys.push(key)
    return answers.shift() ?? { kind: 'refused' }
  })
  t.same([place, book.accepted, book.refused, publishes.open], [at(1), 1, 0, 0])
  t.same(new Set(keys).size, 1)
  await publishes.settle('lobby', 6, async () => ({ kind: 'refused' }))
  t.equal(book.refused, 1)
})

t.test('joins and leaves that are missed, doubled or out of place are found', async t => {
  const watch = (act: (one: ReturnType<MemberBook['watch']>) => void, server = { userIds: ['a', 'b'], version: 2 }): string[] => {
    const findings = new Findings(() => 0)
    const one = new MemberBook(findings).watch('alice', 'lobby', { userIds: ['a'], version: 1 })
    act(one)
    one.compare(server)
    return findings.kept.map(({ what }) => what)
  }
  t.same(watch(one => { one.join('b', 2) }), [])
  t.same(watch(one => { one.replace({ userIds: ['b', 'a'], version: 2 }) }), [], 'a list replaces all')
  t.match(watch(() => {}), [/has version 1, the server 2; lacks b, keeps nobody/], 'a join that never came')
  t.match(watch(one => { one.join('b', 2) }, { userIds: ['b'], version: 3 }), [/lacks nobody, keeps a/], 'a leave that never came')
  t.match(watch(one => { one.join('a', 2) }, { userIds: ['a'], version: 2 }), [/was told a join of a, who was there already/])
  t.match(watch(one => { one.leave('c', 2) }, { userIds: ['a'], version: 2 }), [/was told a leave of c, who was not there/])
  t.match(watch(one => { one.join('b', 3) }, { userIds: ['a', 'b'], version: 3 }), [/with version 3 after 1/], 'one was left out')
})

t.test('on the wire, what is missing, doubled or of another room is found before the library drops it', async t => {
  const findings = new Findings(() => 0)
  const wire = new WireBook('alice', new MemberBook(findings))
  const take = (...frames: Array<Parameters<WireBook['take']>[0]>): string[] => {
    for (const frame of frames) wire.take(frame)
    return findings.kept.splice(0).map(({ what }) => what)
  }
  const message = (offset: number, room = 'lobby') => ({ type: 'message', room, offset })
  const replay = { type: 'subscribed', id: 1, room: 'lobby', epoch: 'a', offset: 4, recovered: true }
  t.same(take({ type: 'welcome', rooms: [{ ...replay, type: 'entry', publications: [{ offset: 3 }, { offset: 4 }], members: [], version: 1 }] }, message(5)), [])
  t.same(take({ type: 'join', room: 'lobby', member: { userId: 'bob' }, version: 2 }, { type: 'gap', room: 'lobby', offset: 7 }, message(8)), [])
  t.equal(take(message(8)).length, 1, 'twice')
  t.equal(take(message(10)).length, 1, 'left out')
  t.equal(take(message(1, 'attic')).length, 1, 'not subscribed')
  t.equal(take({ type: 'leave', room: 'lobby', member: { userId: 'carol' }, version: 3 }).length, 1, 'not there')
  t.equal(take({ ...replay, offset: 5, publications: [{ offset: 3 }, { offset: 5 }] }).length, 1, 'a replay with a hole')
  t.equal(take({ ...replay, offset: 9, publications: [{ offset: 3 }] }).length, 1, 'a replay that ends early')
  t.equal(take({ type: 'unsubscribed', room: 'lobby' }, message(6)).length, 1, 'after its end')
  t.equal(take({ type: 'subscribed', id: 2, room: 'hall', offset: 0 }, { type: 'join', room: 'hall', member: { userId: 'bob' }, version: 1 }).length, 1, 'not asked for')
})

t.test('what a node holds more of than before is found, and what comes and goes by itself is not', async t => {
  const before = { heapBytes: 20e6, handles: new Map([['Timeout', 3]]), listeners: 13, fds: 30, threads: 12, objects: new Map([['Connection', 0]]) }
  t.same(excess(before, before), [])
  t.same(excess(before, { ...before, heapBytes: 21e6, handles: new Map([['Timeout', 2]]), objects: new Map([['Connection', 5]]) }), [])
  t.match(excess(before, { ...before, heapBytes: 30e6 }), [/^heap/])
  t.match(excess(before, { ...before, handles: new Map([['Timeout', 4]]) }), ['handles of kind Timeout 3 → 4'])
  t.match(excess(before, { ...before, fds: 61, objects: new Map([['Connection', 2_000]]) }), ['fds 30 → 61', 'objects of class Connection 0 → 2000'])
})

t.test('a plan is the same for the same seed, and another for another', async t => {
  const options: PlanOptions = { seed: 3, number: 1, durationMs: 30_000, connections: 100, rampMs: 2_000, faults, faultEveryMs: 1_000, nodes: 3, publishesPerSecond: 20 }
  const planned = (seed: number): Step[] => [...makePlan({ ...options, seed })]
  t.same(planned(3), planned(3))
  t.not(JSON.stringify(planned(3)), JSON.stringify(planned(4)))
  const kinds = new Set(planned(3).map(({ kind }) => kind))
  t.same([...kinds].sort(), ['abuse', 'come', 'cut', 'enter', 'exit', 'fault', 'go', 'publish'])
  t.notOk(planned(3).some(step => step.kind === 'fault' && step.fault === 'a node killed' && step.slot === 0), 'the first node lives through it all')
})
