import t from 'tap'
import { assertRevocation, Revocations, type Revocation } from '../../src/core/revocations.ts'

const NOW = Date.UTC(2030, 0, 1)
const expiresAt = NOW + 60_000

function told (...revocations: Revocation[]): Revocations {
  const list = new Revocations()
  for (const revocation of revocations) list.add(revocation)
  return list
}

const alice = { sub: 'alice', jti: 'token 1', iat: NOW / 1_000 - 100 }

t.test('a revocation is about the tokens that fit everything it names', async t => {
  const cases: Array<[Omit<Revocation, 'expiresAt'>, boolean]> = [
    [{ user: 'alice' }, true],
    [{ user: 'bob' }, false],
    [{ jti: 'token 1' }, true],
    [{ jti: 'token 2' }, false],
    [{ user: 'alice', jti: 'token 1' }, true],
    [{ user: 'bob', jti: 'token 1' }, false],
    [{ user: 'alice', jti: 'token 2' }, false],
    [{ issuedBefore: NOW }, true],
    [{ issuedBefore: NOW - 100_000 }, false],
    [{ issuedBefore: NOW - 99_999 }, true],
    [{ user: 'alice', issuedBefore: NOW }, true],
    [{ user: 'alice', issuedBefore: NOW - 100_000 }, false]
  ]
  for (const [named, isRevoked] of cases) {
    t.equal(told({ ...named, expiresAt }).isRevoked(alice, NOW), isRevoked, JSON.stringify(named))
  }
})

t.test('a token that does not say when it was issued counts as issued before', async t => {
  t.ok(told({ issuedBefore: 1, expiresAt }).isRevoked({ sub: 'alice' }, NOW))
})

t.test('a token without an id is not revoked by one', async t => {
  t.notOk(told({ jti: 'undefined', expiresAt }).isRevoked({ sub: 'alice' }, NOW))
})

t.test('users and ids of the same name are told apart', async t => {
  const list = told({ user: 'token 1', expiresAt }, { jti: 'alice', expiresAt })
  t.notOk(list.isRevoked(alice, NOW))
})

t.test('with a room it is a ban from that room and nothing else', async t => {
  const list = told({ user: 'alice', room: 'lobby', expiresAt })
  t.notOk(list.isRevoked(alice, NOW))
  t.ok(list.isBanned(alice, 'lobby', NOW))
  t.notOk(list.isBanned(alice, 'hall', NOW))
  t.notOk(list.isBanned({ sub: 'bob' }, 'lobby', NOW))
  t.notOk(told({ user: 'alice', expiresAt }).isBanned(alice, 'lobby', NOW), 'and one without a room is no ban')
})

t.test('it holds until it expires, and is forgotten then', async t => {
  const list = told({ user: 'alice', expiresAt }, { user: 'alice', room: 'lobby', expiresAt: expiresAt + 1 })
  t.ok(list.isRevoked(alice, expiresAt - 1))
  t.notOk(list.isRevoked(alice, expiresAt))
  t.same(list.all(expiresAt), [{ user: 'alice', room: 'lobby', expiresAt: expiresAt + 1 }])
  t.same(list.all(expiresAt + 1), [])
})

t.test('the same one counts once, whatever the order of its keys', async t => {
  const list = new Revocations()
  t.ok(list.add({ user: 'alice', expiresAt }))
  t.notOk(list.add({ expiresAt, user: 'alice' }))
  t.ok(list.add({ user: 'alice', expiresAt: expiresAt + 1 }))
  t.equal(list.all(NOW).length, 2)
})

t.test('what names no token, or is over, or names what cannot be, is refused', async t => {
  const cases: Array<[Revocation, string]> = [
    [{ expiresAt }, 'request_invalid'],
    [{ room: 'lobby', expiresAt }, 'request_invalid'],
    [{ user: 'alice', expiresAt: NOW }, 'request_invalid'],
    [{ user: '', expiresAt }, 'request_invalid'],
    [{ user: 'alice', expiresAt: NaN }, 'request_invalid'],
    [{ user: 'alice', expiresAt: expiresAt + 0.5 }, 'request_invalid'],
    [{ user: '\u0000', expiresAt }, 'user_invalid'],
    [{ user: 'alice', room: '\u0000', expiresAt }, 'room_invalid'],
    [{ user: 'alice', room: '$all', expiresAt }, 'room_forbidden']
  ]
  for (const [revocation, code] of cases) t.throws(() => { assertRevocation(revocation, NOW) }, { code }, JSON.stringify(revocation))
  t.doesNotThrow(() => { assertRevocation({ jti: 'x', expiresAt }, NOW) })
})
