import t from 'tap'
import { encodePayload, MAX_PAYLOAD_DEPTH } from '../../src/core/payload.ts'

const MAX_BYTES = 65_536

function nested (depth: number): unknown {
  let value: unknown = 0
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value }
  return value
}

t.test('any JSON is serialised as JSON.stringify would', async t => {
  for (const data of [null, true, 0, -0.5, '', 'é\u2028', [], {}, [1, [2]], { a: { b: null } }]) t.equal(encodePayload(data, MAX_BYTES), JSON.stringify(data))
})

t.test('data may be nested 100 deep and no deeper', async t => {
  t.doesNotThrow(() => encodePayload(nested(MAX_PAYLOAD_DEPTH), MAX_BYTES))
  t.throws(() => encodePayload(nested(MAX_PAYLOAD_DEPTH + 1), MAX_BYTES), { code: 'payload_invalid' })
})

t.test('data that would overflow the stack of JSON.stringify is refused as any other', async t => {
  t.throws(() => encodePayload(JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)), MAX_BYTES), { code: 'payload_invalid' })
  const circle: { self?: unknown } = {}
  circle.self = circle
  t.throws(() => encodePayload(circle, MAX_BYTES), { code: 'payload_invalid' })
})

t.test('what is not JSON is refused', async t => {
  for (const data of [undefined, () => 0, Symbol('s')]) t.throws(() => encodePayload(data, MAX_BYTES), { code: 'payload_invalid' })
})

t.test('data larger than a frame is refused, counted in bytes as they are sent', async t => {
  t.equal(encodePayload('ü'.repeat(5), 12), '"üüüüü"')
  t.throws(() => encodePayload('ü'.repeat(5), 11), { code: 'payload_too_large' })
})
