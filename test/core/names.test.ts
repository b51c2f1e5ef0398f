import t from 'tap'
import { assertPublicRoom, assertUserId, isReserved, isUserId, userRoom } from '../../src/core/names.ts'

t.test('a room name is 1 to 200 bytes, whatever script they spell', async t => {
  for (const room of ['a', ' ', '{', '}', '__proto__', 'é', '漢字', '👩‍👩‍👧‍👦', '\u2028', 'x'.repeat(200), 'é'.repeat(100), '👩'.repeat(50)]) {
    t.doesNotThrow(() => { assertPublicRoom(room) })
  }
})

t.test('a room name that is empty or longer is invalid', async t => {
  for (const room of ['', 'x'.repeat(201), `${'é'.repeat(100)}x`, '👩'.repeat(51), 'x'.repeat(100_000)]) {
    t.throws(() => { assertPublicRoom(room) }, { code: 'room_invalid' })
  }
})

t.test('a room name holds no control characters', async t => {
  for (const code of [0x00, 0x09, 0x0A, 0x0D, 0x1F, 0x7F, 0x80, 0x85, 0x9F]) {
    t.throws(() => { assertPublicRoom(`a${String.fromCharCode(code)}b`) }, { code: 'room_invalid' }, `U+00${code.toString(16)}`)
  }
})

t.test('a room name is well-formed Unicode', async t => {
  for (const room of ['\uD83D', 'a\uDC00', '\uDC00\uD83D']) t.throws(() => { assertPublicRoom(room) }, { code: 'room_invalid' })
})

t.test('rooms that begin with $ are reserved, and nobody may name them', async t => {
  for (const room of ['$', '$all', '$control', '$user:alice', '$anything']) {
    t.ok(isReserved(room))
    t.throws(() => { assertPublicRoom(room) }, { code: 'room_forbidden' })
  }
  t.notOk(isReserved('a$'))
  t.doesNotThrow(() => { assertPublicRoom(' $all') })
})

t.test('the personal room of a user is reserved, and another for each user', async t => {
  t.equal(userRoom('alice'), '$user:alice')
  t.ok(isReserved(userRoom('alice')))
  t.not(userRoom('a'), userRoom('b'))
})

t.test('a user id is 1 to 128 bytes by the same rules', async t => {
  for (const userId of ['a', '$all', '__proto__', 'x'.repeat(128), 'é'.repeat(64), '👩'.repeat(32)]) {
    t.ok(isUserId(userId))
    t.doesNotThrow(() => { assertUserId(userId) })
  }
  for (const userId of ['', 'x'.repeat(129), `${'é'.repeat(64)}x`, 'a\nb', '\uD83D']) {
    t.notOk(isUserId(userId))
    t.throws(() => { assertUserId(userId) }, { code: 'user_invalid' })
  }
})
