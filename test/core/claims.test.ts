import t from 'tap'
import { isGranted, parseClaims, type Claims } from '../../src/core/claims.ts'

t.test('claims of the documented shape are taken as they are, with others beside them', async t => {
  const claims = {
    sub: 'alice',
    exp: 1_790_000_000,
    jti: 'j',
    iat: 1,
    iss: 'somebody',
    info: { name: 'Alice' },
    rooms: ['lobby'],
    can: { subscribe: ['chat:*'], publish: [], presence: ['a'], history: ['b'] },
    scope: 'presence:read'
  }
  t.same(parseClaims(claims), claims)
  t.same(parseClaims({ sub: 'a' }), { sub: 'a' })
})

t.test('claims of another shape are refused, and the answer names the claim', async t => {
  const refused: ReadonlyArray<[claims: unknown, claim: RegExp]> = [
    [undefined, /""/], [null, /""/], ['alice', /""/], [{}, /"sub"/], [{ sub: 1 }, /"sub"/], [{ sub: '' }, /"sub"/], [{ sub: 'x'.repeat(129) }, /"sub"/],
    [{ sub: 'a\nb' }, /"sub"/], [{ sub: 'a', exp: '1790000000' }, /"exp"/], [{ sub: 'a', exp: NaN }, /"exp"/], [{ sub: 'a', jti: 1 }, /"jti"/],
    [{ sub: 'a', rooms: 'lobby' }, /"rooms"/], [{ sub: 'a', rooms: [1] }, /"rooms\.0"/], [{ sub: 'a', rooms: [''] }, /"rooms"/],
    [{ sub: 'a', rooms: ['$all'] }, /"rooms"/], [{ sub: 'a', can: [] }, /"can/], [{ sub: 'a', can: { publish: 'x' } }, /"can\.publish"/],
    [{ sub: 'a', scope: ['publish'] }, /"scope"/]
  ]
  for (const [claims, claim] of refused) {
    t.throws(() => parseClaims(claims), { code: 'unauthorized', message: claim }, JSON.stringify(claims))
  }
})

t.test('info is at most 1 KiB of JSON', async t => {
  t.doesNotThrow(() => parseClaims({ sub: 'a', info: 'x'.repeat(1_022) }))
  t.throws(() => parseClaims({ sub: 'a', info: 'x'.repeat(1_023) }), { code: 'unauthorized', message: /"info"/ })
  t.throws(() => parseClaims({ sub: 'a', info: 'é'.repeat(512) }), { code: 'unauthorized', message: /"info"/ })
})

const ACTIONS = ['subscribe', 'publish', 'presence', 'history'] as const

t.test('nothing is allowed that the token does not grant', async t => {
  const empty: Claims[] = [{ sub: 'a' }, { sub: 'a', can: {} }, { sub: 'a', can: { subscribe: [], publish: [] } }]
  for (const claims of empty) for (const action of ACTIONS) t.equal(isGranted(claims, action, 'lobby'), false)
})

t.test('subscribe grants presence and history of what it matches, and never publish', async t => {
  const claims: Claims = { sub: 'a', can: { subscribe: ['chat:*'] } }
  for (const action of ACTIONS) t.equal(isGranted(claims, action, 'chat:1'), action !== 'publish', action)
  for (const action of ACTIONS) t.equal(isGranted(claims, action, 'lobby'), false, action)
})

t.test('presence and history that are listed replace what subscribe grants', async t => {
  const claims: Claims = { sub: 'a', can: { subscribe: ['chat:*'], presence: [], history: ['chat:1'] } }
  t.equal(isGranted(claims, 'presence', 'chat:1'), false)
  t.equal(isGranted(claims, 'history', 'chat:1'), true)
  t.equal(isGranted(claims, 'history', 'chat:2'), false)
  t.equal(isGranted(claims, 'subscribe', 'chat:2'), true)
})

t.test('publish grants nothing else', async t => {
  const claims: Claims = { sub: 'a', can: { publish: ['chat:*'] } }
  for (const action of ACTIONS) t.equal(isGranted(claims, action, 'chat:1'), action === 'publish', action)
})

t.test('a room of the token grants subscribe on it, taken literally', async t => {
  const claims: Claims = { sub: 'a', rooms: ['lobby', 'chat:*'] }
  for (const action of ACTIONS) t.equal(isGranted(claims, action, 'lobby'), action !== 'publish', action)
  t.equal(isGranted(claims, 'subscribe', 'chat:1'), false)
  t.equal(isGranted(claims, 'subscribe', 'chat:*'), true)
})

t.test('no pattern grants a reserved room', async t => {
  const claims: Claims = { sub: 'a', can: { subscribe: ['*', '$*'], publish: ['*', '$all'], presence: ['*'], history: ['*'] } }
  for (const action of ACTIONS) t.equal(isGranted(claims, action, '$all'), false, action)
})
