import t from 'tap'
import { MemberFeed } from '../../src/core/member-feed.ts'
import type { MemberEvent, MembersSnapshot } from '../../src/core/presence-store.ts'
import { until } from '../helpers/until.ts'
import { Listener } from './fixtures/listener.ts'

function event (version: number, epoch = 'e1'): MemberEvent {
  return { type: 'join', room: 'lobby', member: { userId: `user ${version}`, info: null }, epoch, version }
}

function snapshot (version: number, epoch = 'e1'): MembersSnapshot {
  return { epoch, version, members: [{ userId: `as of ${version}`, info: null }] }
}

function turn (): Promise<void> {
  return new Promise(resolve => { setImmediate(resolve) })
}

/** A feed whose reads end when the test says so. */
class FeedUnderTest {
  readonly failures: unknown[] = []
  readonly #ends: Array<(outcome: MembersSnapshot | Error) => void> = []
  readonly feed = new MemberFeed('lobby', () => new Promise((resolve, reject) => {
    this.#ends.push(outcome => { if (outcome instanceof Error) reject(outcome); else resolve(outcome) })
  }), error => { this.failures.push(error) })

  get reads (): number { return this.#ends.length }

  /** Ends the read that began last. */
  async end (outcome: MembersSnapshot | Error): Promise<void> {
    this.#ends.at(-1)?.(outcome)
    await turn()
  }

  /** A connection that watches from this version on. */
  async watcher (version = 0): Promise<Listener> {
    const listener = new Listener(`watcher ${version}`)
    const watching = this.feed.watch(listener.connection)
    await this.end(snapshot(version))
    this.feed.open(listener.connection, await watching)
    return listener
  }

  accept (...versions: number[]): void {
    for (const version of versions) this.feed.accept(event(version))
  }
}

/** What a watcher was written, in short: `join 1`. */
function story ({ frames }: Listener): string[] {
  return frames.map(({ type, version }) => `${type} ${version}`)
}

t.test('a watcher gets what follows on its snapshot, once', async t => {
  const under = new FeedUnderTest()
  const alice = await under.watcher(3)
  under.accept(2, 3, 4, 4, 5)
  under.feed.accept({ ...event(6), type: 'leave' })
  t.same(story(alice), ['join 4', 'join 5', 'leave 6'])
  t.same(alice.frames[0], { type: 'join', room: 'lobby', member: { userId: 'user 4', info: null }, version: 4 })
  t.equal(under.reads, 1)
})

t.test('what arrives while the snapshot is read is held, and told behind it where it is newer', async t => {
  const under = new FeedUnderTest()
  const alice = new Listener('alice')
  const watching = under.feed.watch(alice.connection)
  under.accept(1, 2, 3)
  await under.end(snapshot(2))
  const told = await watching
  under.accept(4)
  t.same(story(alice), [], 'nothing before the snapshot is written')
  under.feed.open(alice.connection, told)
  t.same(story(alice), ['join 3', 'join 4'])
})

t.test('a hole is repaired by one presence frame for all who are behind', async t => {
  const under = new FeedUnderTest()
  const [alice, bob, carol] = [await under.watcher(1), await under.watcher(1), await under.watcher(2)]
  const before = under.reads
  under.accept(3)
  t.equal(under.reads, before + 1, 'one read for all')
  await under.end(snapshot(3))
  for (const listener of [alice, bob]) {
    t.same(listener.frames, [{ type: 'presence', room: 'lobby', members: snapshot(3).members, version: 3 }])
  }
  t.same(story(carol), ['join 3'], 'who is not behind goes on')
  under.accept(4)
  t.same([alice, bob, carol].map(story), [['presence 3', 'join 4'], ['presence 3', 'join 4'], ['join 3', 'join 4']])
})

t.test('what arrives during a repair is told behind it', async t => {
  const under = new FeedUnderTest()
  const alice = await under.watcher(1)
  under.accept(3, 4, 5, 6)
  await under.end(snapshot(4))
  t.same(story(alice), ['presence 4', 'join 5', 'join 6'])
})

t.test('a new epoch is repaired like a hole', async t => {
  const under = new FeedUnderTest()
  const alice = await under.watcher(7)
  under.feed.accept(event(1, 'e2'))
  await under.end(snapshot(1, 'e2'))
  under.feed.accept(event(2, 'e2'))
  t.same(story(alice), ['presence 1', 'join 2'])
})

t.test('a hole in what was held is repaired too', async t => {
  const under = new FeedUnderTest()
  const alice = new Listener('alice')
  const watching = under.feed.watch(alice.connection)
  under.accept(2, 4)
  await under.end(snapshot(1))
  under.feed.open(alice.connection, await watching)
  await under.end(snapshot(5))
  t.same(story(alice), ['join 2', 'presence 5'])
})

t.test('who comes while another snapshot is read gets one that is read after', async t => {
  const under = new FeedUnderTest()
  const [alice, bob] = [new Listener('alice'), new Listener('bob')]
  const first = under.feed.watch(alice.connection)
  const second = under.feed.watch(bob.connection)
  await under.end(snapshot(1))
  t.equal(under.reads, 2)
  await under.end(snapshot(2))
  t.same([(await first).version, (await second).version], [1, 2])
})

t.test('a watcher that leaves while its snapshot is read, or while its list is repaired, is told nothing more', async t => {
  const under = new FeedUnderTest()
  const [alice, bob] = [await under.watcher(1), new Listener('bob')]
  const watching = under.feed.watch(bob.connection)
  under.feed.unwatch(bob.connection)
  await under.end(snapshot(1))
  under.feed.open(bob.connection, await watching)
  under.accept(3)
  under.feed.unwatch(alice.connection)
  await under.end(snapshot(3))
  under.accept(4)
  t.same([alice, bob].map(story), [[], []])
  t.equal(under.feed.size, 0)
})

t.test('a snapshot that cannot be read is told to who asked for it, who does not watch then', async t => {
  const under = new FeedUnderTest()
  const alice = new Listener('alice')
  const refused = t.rejects(under.feed.watch(alice.connection), { message: 'no answer' })
  await under.end(new Error('no answer'))
  await refused
  t.equal(under.feed.size, 0)
  under.accept(1)
  t.same(story(alice), [])
})

t.test('who watched before and asks again in vain watches on, after a repair', async t => {
  const under = new FeedUnderTest()
  const alice = await under.watcher(1)
  const refused = t.rejects(under.feed.watch(alice.connection), { message: 'no answer' })
  under.accept(2)
  await under.end(new Error('no answer'))
  await refused
  await under.end(snapshot(2))
  under.accept(3)
  t.same(story(alice), ['presence 2', 'join 3'])
})

t.test('who watched before, asks again and leaves before that fails is gone', async t => {
  const under = new FeedUnderTest()
  const alice = await under.watcher(1)
  const refused = t.rejects(under.feed.watch(alice.connection), { message: 'no answer' })
  under.feed.unwatch(alice.connection)
  await under.end(new Error('no answer'))
  await refused
  t.equal(under.feed.size, 0)
  await under.end(snapshot(2))
  t.same(story(alice), [])
})

t.test('a repair that failed is told to the log, and tried again until it can be made', async t => {
  const under = new FeedUnderTest()
  const alice = await under.watcher(1)
  under.accept(3)
  for (let tries = 1; tries <= 2; tries++) {
    await under.end(new Error('no answer'))
    t.equal(under.failures.length, tries)
    await until('reads', 2 + tries, () => under.reads)
  }
  t.match(under.failures, [{ message: 'no answer' }, { message: 'no answer' }])
  t.same(story(alice), [])
  await under.end(snapshot(3))
  under.accept(4)
  t.same(story(alice), ['presence 3', 'join 4'])
})

t.test('a comparison repairs those who are behind the store, and nobody else', async t => {
  const under = new FeedUnderTest()
  const [alice, bob] = [await under.watcher(1), await under.watcher(2)]
  const before = under.reads
  under.feed.settle({ epoch: 'e1', version: 1 })
  t.equal(under.reads, before)
  under.feed.settle({ epoch: 'e1', version: 2 })
  await under.end(snapshot(2))
  t.same([alice, bob].map(story), [['presence 2'], []])
  under.feed.settle({ epoch: 'e2', version: 0 })
  await under.end(snapshot(0, 'e2'))
  t.same([alice, bob].map(story), [['presence 2', 'presence 0'], ['presence 0']])
})

t.test('a comparison does not disturb who waits for a snapshot anyway', async t => {
  const under = new FeedUnderTest()
  const alice = new Listener('alice')
  const watching = under.feed.watch(alice.connection)
  under.feed.settle({ epoch: 'e1', version: 5 })
  await under.end(snapshot(5))
  under.feed.open(alice.connection, await watching)
  t.same([story(alice), under.reads], [[], 1])
})
