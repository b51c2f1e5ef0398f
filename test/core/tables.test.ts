import t from 'tap'
import { closeCodes, type CloseCode } from '../../src/core/close-codes.ts'
import { errors, RoomcastError, type ErrorCode } from '../../src/core/errors.ts'

const errorCodes = Object.keys(errors) as ErrorCode[]

t.test('every error code is a word for machines, with a status of refusal and a sentence for people', async t => {
  for (const code of errorCodes) {
    t.match(code, /^[a-z]+(_[a-z]+)*$/)
    t.ok(errors[code].statusCode >= 400 && errors[code].statusCode < 600, code)
    t.match(errors[code].message, /^[A-Z].*[^.]$/)
  }
})

t.test('an error takes status and message from the table, or a message of its own', async t => {
  const error = new RoomcastError('room_invalid')
  t.match(error, { name: 'RoomcastError', code: 'room_invalid', statusCode: 400, message: errors.room_invalid.message })
  t.equal(new RoomcastError('room_invalid', { message: 'more precisely' }).message, 'more precisely')
})

t.test('an error keeps what caused it', async t => {
  const cause = new Error('deeper')
  t.equal(new RoomcastError('unavailable', { cause }).cause, cause)
})

t.test('only what passes by itself says when to try again', async t => {
  const retryable = errorCodes.filter(code => new RoomcastError(code).retryAfterMs !== undefined)
  t.same(retryable.sort(), ['draining', 'outcome_unknown', 'rate_limited', 'unavailable'])
})

t.test('every close has a code of its own that an endpoint may send, and a reason that fits a close frame', async t => {
  const closes: CloseCode[] = Object.values(closeCodes)
  t.equal(new Set(closes.map(({ code }) => code)).size, closes.length)
  for (const { code, reason } of closes) {
    // RFC 6455 §7.4: 1001 and 1009 are defined there, 4000 to 4999 are for private use.
    t.ok(code === 1001 || code === 1009 || (code >= 4000 && code <= 4999), `${code}`)
    // RFC 6455 §5.5: a control frame holds 125 bytes, two of which are the code.
    t.ok(Buffer.byteLength(reason) > 0 && Buffer.byteLength(reason) <= 123, reason)
  }
})

t.test('every close says whether to come back', async t => {
  const { goingAway, tokenExpired, disconnected, slowConsumer } = closeCodes
  t.same([goingAway, tokenExpired, disconnected, slowConsumer].map(({ reconnect }) => reconnect), ['now', 'new token', 'never', 'backoff'])
  for (const { reconnect } of Object.values(closeCodes)) t.ok(['now', 'backoff', 'new token', 'never'].includes(reconnect))
})
