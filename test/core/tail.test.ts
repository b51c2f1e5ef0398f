import t from 'tap'
import { Tail } from '../../src/core/tail.ts'
import { publicationAt } from './fixtures/listener.ts'

const NOW = 1_000_000
const POLICY = { size: 5, ttlMs: 1_000 }

function tailOf (count: number, { size, ttlMs } = POLICY): Tail {
  const tail = new Tail({ size, ttlMs })
  for (let offset = 1; offset <= count; offset++) tail.push(publicationAt(offset, { at: NOW }), NOW)
  return tail
}

function after (tail: Tail, offset: number, end: number, now = NOW): number[] | undefined {
  return tail.after(offset, { epoch: 'e1', offset: end }, now)?.map(publication => publication.offset)
}

t.test('what came after an offset is answered up to the end, and nothing where that is the end', async t => {
  const tail = tailOf(4)
  t.same(after(tail, 0, 4), [1, 2, 3, 4])
  t.same(after(tail, 3, 4), [4])
  t.same(after(tail, 4, 4), [])
  t.equal(after(tail, 5, 4), undefined)
})

t.test('a tail keeps as many as its policy says, however many came', async t => {
  for (const count of [5, 6, 9, 10, 11, 1_000]) {
    const tail = tailOf(count)
    t.same(after(tail, count - 5, count)?.length, 5, `${count}`)
    t.equal(after(tail, count - 6, count), undefined, `${count}`)
  }
})

t.test('a policy that keeps nothing has no tail', async t => {
  const tail = tailOf(3, { size: 0, ttlMs: 0 })
  t.equal(after(tail, 2, 3), undefined)
  t.same(after(tail, 3, 3), [])
})

t.test('what is older than the policy allows is gone, by the broker\'s clock and not by the node\'s', async t => {
  const tail = new Tail(POLICY)
  const ahead = NOW + 90_000
  tail.push(publicationAt(1, { at: NOW }), ahead)
  tail.push(publicationAt(2, { at: NOW + 600 }), ahead + 600)
  t.same(after(tail, 0, 2, ahead + 900), [1, 2])
  t.equal(after(tail, 0, 2, ahead + 1_000), undefined)
  t.same(after(tail, 1, 2, ahead + 1_000), [2])
})

t.test('a tail is bounded in bytes, whatever the policy', async t => {
  const tail = new Tail({ size: 1_000, ttlMs: 60_000 })
  const data = Buffer.alloc(300_000, 'x')
  for (let offset = 1; offset <= 5; offset++) tail.push(publicationAt(offset, { at: NOW, data }), NOW)
  t.equal(after(tail, 1, 5), undefined)
  t.same(after(tail, 2, 5), [3, 4, 5])
})

t.test('older publications are put before it, if they reach up to it', async t => {
  const end = { epoch: 'e1', offset: 8 }
  const tail = new Tail({ size: 50, ttlMs: 60_000 })
  for (const offset of [7, 8]) tail.push(publicationAt(offset, { at: NOW }), NOW)
  tail.extend([2, 3, 4].map(offset => publicationAt(offset, { at: NOW })), end, NOW)
  t.equal(after(tail, 3, 8), undefined, 'with a hole they are of no use')
  tail.extend([4, 5, 6, 7].map(offset => publicationAt(offset, { at: NOW })), end, NOW)
  t.same(after(tail, 3, 8), [4, 5, 6, 7, 8])
  const empty = new Tail({ size: 50, ttlMs: 60_000 })
  empty.extend([7, 8].map(offset => publicationAt(offset, { at: NOW })), end, NOW)
  t.same(after(empty, 6, 8), [7, 8])
})

t.test('a tail that was cleared holds nothing, and begins anew', async t => {
  const tail = tailOf(4)
  tail.clear()
  t.equal(after(tail, 2, 4), undefined)
  tail.push(publicationAt(5, { at: NOW }), NOW)
  t.same(after(tail, 4, 5), [5])
})
