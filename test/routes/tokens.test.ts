import { once } from 'node:events'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import type { RoomcastOptions } from '../../src/app.ts'
import { keyPairAlgorithms, secretAlgorithms } from '../../src/tokens/algorithms.ts'
import { keySetTimes } from '../../src/tokens/key-set.ts'
import { startHost, type Host } from '../embedded/host.ts'
import { connect, connectRefused } from '../helpers/client.ts'
import { startIssuer } from '../helpers/issuer.ts'
import { KeyPair } from '../helpers/key-pair.ts'
import { JWT_SECRET, token } from '../helpers/token.ts'

const scope = { scope: 'presence:read' }

/** Asks over REST with a token as credential. */
async function ask ({ url }: Host, token: string): Promise<{ status: number, body: unknown, retryAfter: string | null }> {
  const response = await fetch(`${url}/realtime/presence/alice`, { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, body: await response.json(), retryAfter: response.headers.get('retry-after') }
}

/** What a token is answered with, which must be the same on both ways: 200 stands for a connection, too. */
async function statusOf (t: Test, host: Host, token: string): Promise<number> {
  const { status } = await ask(host, token)
  if (status === 200) await (await connect(t, { url: host.wsUrl, token })).close()
  else t.equal((await connectRefused(t, { url: host.wsUrl, token })).status, status)
  return status
}

/** Lets time go by for what measures it without timers. */
function timeMachine (t: Test): { advance: (ms: number) => void } {
  let ahead = 0
  const now = performance.now.bind(performance)
  mock.method(performance, 'now', () => now() + ahead)
  t.after(() => { mock.restoreAll() })
  return { advance: ms => { ahead += ms } }
}

/** A host that takes tokens of an issuer, and has its key. */
async function startPair (t: Test, pair: KeyPair) {
  const issuer = await startIssuer(t)
  issuer.publish(pair.jwk())
  const host = await startHost(t, { jwtJwksUrl: issuer.url, jwtAlgorithm: 'ES256' })
  t.equal(await statusOf(t, host, pair.token(scope)), 200)
  t.equal(issuer.requests, 1)
  return { issuer, host }
}

for (const algorithm of keyPairAlgorithms) {
  t.test(`${algorithm}: tokens pass by public key and by key set, and those of another key do not`, async t => {
    const [pair, other] = [new KeyPair(algorithm), new KeyPair(algorithm)]
    const issuer = await startIssuer(t)
    issuer.publish(pair.jwk())
    const both: RoomcastOptions[] = [{ jwtPublicKey: pair.publicPem, jwtAlgorithm: algorithm }, { jwtJwksUrl: issuer.url, jwtAlgorithm: algorithm }]
    for (const options of both) {
      const host = await startHost(t, options)
      t.equal(await statusOf(t, host, pair.token(scope)), 200)
      t.equal(await statusOf(t, host, other.token(scope, { kid: pair.kid })), 401)
      t.equal((await ask(host, pair.token())).status, 403, 'a scope is needed over REST')
    }
    t.equal(issuer.requests, 1)
  })
}

for (const algorithm of secretAlgorithms) {
  t.test(`${algorithm}: tokens pass by secret, and those of another secret do not`, async t => {
    const host = await startHost(t, { jwtSecret: JWT_SECRET, jwtAlgorithm: algorithm })
    t.equal(await statusOf(t, host, token(scope, { algorithm })), 200)
    t.equal(await statusOf(t, host, token(scope, { algorithm, secret: `${JWT_SECRET}?` })), 401)
  })
}

t.test('P07: a token of more than 16,384 characters is refused, however well it is signed', async t => {
  const { app } = await startHost(t, { jwtSecret: JWT_SECRET })
  for (const [padding, status] of [[12_000, 200], [12_200, 401]] as const) {
    const long = token({ ...scope, padding: 'x'.repeat(padding) })
    t.equal(long.length <= 16_384, status === 200, `${long.length} characters`)
    // A request over HTTP could not have the longer one in its headers.
    const { statusCode } = await app.inject({ url: '/realtime/presence/alice', headers: { authorization: `Bearer ${long}` } })
    t.equal(statusCode, status)
  }
})

t.test('keys of an issuer come and go without a restart', async t => {
  const clock = timeMachine(t)
  const [first, second] = [new KeyPair('ES256'), new KeyPair('ES256')]
  const { issuer, host } = await startPair(t, first)
  t.equal(await statusOf(t, host, second.token(scope)), 401)
  t.equal(issuer.requests, 1, 'asked just now')

  issuer.publish(first.jwk(), second.jwk())
  clock.advance(keySetTimes.pauseMs)
  t.equal(await statusOf(t, host, second.token(scope)), 200)
  t.equal(await statusOf(t, host, first.token(scope)), 200)
  t.equal(issuer.requests, 2)

  issuer.publish(second.jwk())
  clock.advance(keySetTimes.maxAgeMs)
  t.equal(await statusOf(t, host, first.token(scope)), 401)
  t.equal(await statusOf(t, host, second.token(scope)), 200)
  t.equal(issuer.requests, 3)
})

t.test('an issuer that is away refuses nobody: known keys pass, others are answered 503 with Retry-After', async t => {
  const clock = timeMachine(t)
  const [first, second] = [new KeyPair('ES256'), new KeyPair('ES256')]
  const { issuer, host } = await startPair(t, first)
  await issuer.stop()
  clock.advance(keySetTimes.pauseMs)
  t.equal(await statusOf(t, host, second.token(scope)), 503)
  const { body, retryAfter } = await ask(host, second.token(scope))
  t.match(body, { statusCode: 503, code: 'unavailable', error: 'Service Unavailable' })
  t.match(retryAfter, /^[1-9]\d*$/)
  t.match((await connectRefused(t, { url: host.wsUrl, token: second.token() })).headers, { 'retry-after': /^[1-9]\d*$/ })
  t.equal(await statusOf(t, host, first.token(scope)), 200)
  t.equal(await statusOf(t, host, 'nonsense'), 401, 'what is no token needs no issuer to be refused')
  t.match(host.logs.join(''), /key set of the issuer could not be fetched/)
})

t.test('a start does not wait for an issuer that hangs, and neither does a close', async t => {
  const issuer = await startIssuer(t)
  issuer.hang()
  const host = await startHost(t, { jwtJwksUrl: issuer.url })
  await issuer.questions.next('question at the start')
  const arrived = once(host.app.server, 'upgrade')
  const asked = connectRefused(t, { url: host.wsUrl, token: new KeyPair('RS256').token() })
  await arrived
  const since = performance.now()
  await host.app.close()
  t.ok(performance.now() - since < 2_000, `it closed at once, in ${Math.round(performance.now() - since)} ms`)
  t.equal((await asked).status, 503)
})

t.test('a hundred clients at once cause one question, and a hundred unknown keys one more', async t => {
  const clock = timeMachine(t)
  const pair = new KeyPair('ES256')
  const { issuer, host } = await startPair(t, pair)
  clock.advance(keySetTimes.maxAgeMs)
  const known = await Promise.all(Array.from({ length: 100 }, () => ask(host, pair.token(scope))))
  t.same(new Set(known.map(({ status }) => status)), new Set([200]))
  t.equal(issuer.requests, 2)
  clock.advance(keySetTimes.pauseMs)
  const unknown = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(host, pair.token(scope, { kid: `key-${n}` }))))
  t.same(new Set(unknown.map(({ status }) => status)), new Set([401]))
  t.equal(issuer.requests, 3)
})

t.test('a token without a kid passes if the set has one key only', async t => {
  const clock = timeMachine(t)
  const [pair, other] = [new KeyPair('ES256'), new KeyPair('ES256')]
  const { issuer, host } = await startPair(t, pair)
  t.equal(await statusOf(t, host, pair.token(scope, { kid: undefined })), 200)
  issuer.publish(pair.jwk(), other.jwk())
  clock.advance(keySetTimes.maxAgeMs)
  t.equal(await statusOf(t, host, pair.token(scope, { kid: undefined })), 401)
})
