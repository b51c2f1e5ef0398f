import t from 'tap'
import type { ClientErrorCode } from '../../client/client-error.ts'
import { MAX_KEY_LENGTH, Publisher } from '../../client/publisher.ts'
import * as server from '../../src/core/idempotency.ts'
import { fakeTime } from '../helpers/fake-clock.ts'

const TIMEOUT_MS = 1_000

interface Sent { readonly id: number, readonly data: unknown, readonly key: string }

/** A publisher on a connection of the test's own. */
class PublisherUnderTest {
  readonly sent: Sent[] = []
  isConnected = true
  maxFrameBytes = 65_536
  readonly publisher: Publisher
  #lastId = 0

  constructor ({ maxQueued = 10 }: { readonly maxQueued?: number } = {}) {
    this.publisher = new Publisher({
      nextId: () => ++this.#lastId,
      send: text => {
        if (this.isConnected) this.sent.push(JSON.parse(text) as Sent)
        return this.isConnected
      },
      maxFrameBytes: () => this.maxFrameBytes,
      maxQueued,
      timeoutMs: TIMEOUT_MS,
    })
  }

  lose (): void {
    this.isConnected = false
    this.publisher.lost()
  }

  reconnect (): void {
    this.isConnected = true
    this.publisher.flush()
  }

  /** What was sent since the last time. */
  take (): unknown[] {
    return this.sent.splice(0).map(({ data }) => data)
  }

  answer (id: number, offset: number): void {
    this.publisher.settle({ type: 'published', id, room: 'lobby', epoch: 'e', offset })
  }

  refuse (id: number, code: 'unavailable' | 'outcome_unknown' | 'rate_limited' | 'room_forbidden'): void {
    this.publisher.settle({ type: 'error', id, room: 'lobby', code, message: code })
  }

  /** What becomes of a publish: its offset, or the code of its rejection. */
  publish (data: unknown, options: Parameters<Publisher['publish']>[2] = {}): Promise<number | undefined | ClientErrorCode> {
    return this.publisher.publish('lobby', data, options).then(({ offset }) => offset, (error: { code: ClientErrorCode }) => error.code)
  }
}

t.test('what lost its connection is sent again, first and in order, under the same id and key, and what waits follows', async t => {
  const under = new PublisherUnderTest()
  const outcomes = [1, 2, 3].map(data => under.publish(data))
  const first = [...under.sent]
  t.same(under.take(), [1, 2, 3])
  under.answer(1, 11)
  under.lose()
  outcomes.push(under.publish(4))
  under.reconnect()
  t.same(under.sent.slice(0, 2), first.slice(1))
  t.same(under.take(), [2, 3, 4])
  under.lose()
  under.reconnect()
  t.same(under.take(), [2, 3, 4], 'as often as it takes')
  for (const id of [2, 3, 4]) under.answer(id, 10 + id)
  t.same(await Promise.all(outcomes), [11, 12, 13, 14])
  under.lose()
  under.reconnect()
  t.same(under.take(), [], 'and what was answered is not')
})

t.test('every publish has a key of its own that no other client has, unless it brings one', async t => {
  const [one, two] = [new PublisherUnderTest(), new PublisherUnderTest()]
  for (const under of [one, two]) for (let count = 0; count < 100; count++) under.publish(count)
  t.equal(new Set([...one.sent, ...two.sent].map(({ key }) => key)).size, 200)
  t.ok([...one.sent, ...two.sent].every(({ key }) => key.length <= MAX_KEY_LENGTH))
  one.publish('mine', { key: 'k' })
  t.equal(one.sent.at(-1)?.key, 'k')
  for (const under of [one, two]) under.publisher.close(new Error('over') as never)
})

t.test('a key that no server takes is refused here', async t => {
  const under = new PublisherUnderTest()
  t.equal(MAX_KEY_LENGTH, server.MAX_KEY_LENGTH)
  for (const key of ['', 'k'.repeat(MAX_KEY_LENGTH + 1)]) t.equal(await under.publish(1, { key }), 'request_invalid')
  t.same(under.take(), [])
  under.publish('fine', { key: 'k'.repeat(MAX_KEY_LENGTH) })
  t.same(under.take(), ['fine'])
  under.answer(1, 1)
})

t.test('in time means since it was asked for: not sent is a timeout, sent and lost is unknown', async t => {
  const time = fakeTime(t, 'setTimeout')
  const under = new PublisherUnderTest()
  const sent = under.publish('sent')
  time.advance(TIMEOUT_MS / 2)
  under.lose()
  const queued = under.publish('queued')
  time.advance(TIMEOUT_MS / 2)
  t.equal(await sent, 'outcome_unknown')
  time.advance(TIMEOUT_MS / 2)
  t.equal(await queued, 'timeout')
  under.reconnect()
  t.same(under.take(), ['sent'], 'what was given up is not sent any more')
  const unanswered = under.publish('unanswered')
  time.advance(TIMEOUT_MS)
  t.equal(await unanswered, 'outcome_unknown')
})

t.test('who closes leaves what was sent unknown, and what was not closed', async t => {
  const under = new PublisherUnderTest()
  const [sent, lost] = [under.publish('sent'), under.publish('lost')]
  under.lose()
  const queued = under.publish('queued')
  under.publisher.close(Object.assign(new Error('closed'), { code: 'closed' }) as never)
  t.same(await Promise.all([sent, lost, queued]), ['outcome_unknown', 'outcome_unknown', 'closed'])
  under.reconnect()
  t.same(under.take(), ['sent', 'lost'], 'nothing is sent later')
})

t.test('a publish that is refused for now when it is sent again may have happened the first time', async t => {
  const under = new PublisherUnderTest()
  const [again, other, forbidden, limited] = ['again', 'other', 'forbidden', 'limited'].map(data => under.publish(data))
  under.lose()
  const fresh = [under.publish('fresh'), under.publish('too fresh')]
  under.reconnect()
  under.refuse(1, 'unavailable')
  under.refuse(2, 'outcome_unknown')
  under.refuse(3, 'room_forbidden')
  under.refuse(4, 'rate_limited')
  under.refuse(5, 'unavailable')
  under.refuse(6, 'rate_limited')
  t.same(await Promise.all([again, other, forbidden, limited]), ['outcome_unknown', 'outcome_unknown', 'room_forbidden', 'outcome_unknown'])
  t.same(await Promise.all(fresh), ['unavailable', 'rate_limited'])
})

t.test('what waits again counts for the bound, and is kept beyond it', async t => {
  const under = new PublisherUnderTest({ maxQueued: 2 })
  const outcomes = [1, 2, 3].map(data => under.publish(data))
  under.take()
  under.lose()
  t.equal(await under.publish('too many'), 'queue_full')
  under.reconnect()
  t.same(under.take(), [1, 2, 3])
  outcomes.push(under.publish(4))
  for (const [index, id] of [1, 2, 3, 5].entries()) under.answer(id, index + 1)
  t.same(await Promise.all(outcomes), [1, 2, 3, 4])
})

t.test('what the next server does not take is refused, and holds up nothing', async t => {
  const under = new PublisherUnderTest()
  const [large, small] = [under.publish('x'.repeat(1_000)), under.publish('small')]
  under.take()
  under.lose()
  under.maxFrameBytes = 500
  under.reconnect()
  t.equal(await large, 'payload_too_large')
  t.same(under.take(), ['small'])
  under.answer(2, 1)
  t.equal(await small, 1)
})

t.end()
