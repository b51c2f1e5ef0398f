import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { KeySet, keySetTimes } from '../../src/tokens/key-set.ts'
import { RecordedLog } from '../core/fixtures/memory-node.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { startIssuer } from '../helpers/issuer.ts'
import { KeyPair } from '../helpers/key-pair.ts'

const [first, second] = [new KeyPair('ES256'), new KeyPair('ES256')]
const { refreshMs, maxAgeMs, pauseMs } = keySetTimes

/** A set that has asked nobody yet, of an issuer that publishes the first key. */
async function start (t: Test, { timeoutMs = 5_000 }: { timeoutMs?: number } = {}) {
  const issuer = await startIssuer(t)
  issuer.publish(first.jwk())
  const clock = new FakeClock()
  const log = new RecordedLog()
  const set = new KeySet({ url: issuer.url, algorithm: 'ES256', prepare: pem => pem, log, now: clock.now, timeoutMs })
  t.after(() => { set.close() })
  return { issuer, clock, log, set }
}

/** What a key is refused with. */
async function refusal (set: KeySet<string>, kid: string | undefined): Promise<unknown> {
  return set.find(kid).then(() => 'it was found', (error: { code: string }) => error.code)
}

t.test('whoever asks at once shares one fetch, and later ones need none', async t => {
  const { issuer, clock, set } = await start(t)
  const answer = issuer.hold()
  const asked = Array.from({ length: 50 }, () => set.find(first.kid))
  await issuer.questions.next('question')
  answer()
  t.same(new Set(await Promise.all(asked)), new Set([first.publicPem]))
  clock.advance(refreshMs - 1)
  t.equal(await set.find(first.kid), first.publicPem)
  t.equal(issuer.requests, 1)
})

t.test('a key that is new is found by the first token that names it', async t => {
  const { issuer, clock, set } = await start(t)
  await set.find(first.kid)
  issuer.publish(first.jwk(), second.jwk())
  clock.advance(pauseMs)
  t.equal(await set.find(second.kid), second.publicPem)
  t.equal(await set.find(first.kid), first.publicPem)
  t.equal(issuer.requests, 2)
})

t.test('names at random are refused, and make the issuer be asked once in a while only', async t => {
  const { issuer, clock, set } = await start(t)
  for (let round = 1; round <= 3; round += 1) {
    const codes = await Promise.all(Array.from({ length: 100 }, (_, n) => refusal(set, `${round}-${n}`)))
    t.same(new Set(codes), new Set(['unauthorized']))
    t.equal(issuer.requests, round)
    clock.advance(pauseMs - 1)
    t.equal(await refusal(set, 'too early'), 'unauthorized')
    t.equal(issuer.requests, round)
    clock.advance(1)
  }
  t.equal(await set.find(first.kid), first.publicPem, 'and those of the set are not disturbed')
})

t.test('a key that the issuer removed serves until the set is fetched anew, and then no more', async t => {
  const { issuer, clock, set } = await start(t)
  await set.find(first.kid)
  issuer.questions.drain()
  issuer.publish(second.jwk())
  clock.advance(refreshMs)
  t.equal(await set.find(first.kid), first.publicPem, 'who finds the set old does not wait')
  await issuer.questions.next('question')
  await set.refresh()
  t.equal(await refusal(set, first.kid), 'unauthorized')
  t.equal(await set.find(second.kid), second.publicPem)
  t.equal(issuer.requests, 2)
})

t.test('a set of the longest age serves nobody before it was fetched anew', async t => {
  const { issuer, clock, set } = await start(t)
  await set.find(first.kid)
  issuer.publish(second.jwk())
  clock.advance(maxAgeMs)
  t.equal(await refusal(set, first.kid), 'unauthorized')
  t.equal(issuer.requests, 2)
})

t.test('while the issuer is away its keys serve for the longest age, and of others nothing can be said', async t => {
  const { issuer, clock, log, set } = await start(t)
  await set.find(first.kid)
  await issuer.stop()
  clock.advance(pauseMs)
  t.equal(await refusal(set, second.kid), 'unavailable')
  t.same(log.of('warn'), ['the key set of the issuer could not be fetched'])
  t.equal(await refusal(set, 'another'), 'unavailable', 'which is known without another try')
  t.equal(log.of('warn').length, 1)
  clock.advance(maxAgeMs - pauseMs - 1)
  t.equal(await set.find(first.kid), first.publicPem)
  await set.refresh()
  clock.advance(1)
  t.equal(await refusal(set, first.kid), 'unavailable')

  await issuer.start()
  clock.advance(pauseMs)
  t.equal(await set.find(first.kid), first.publicPem, 'it is back')
  t.equal(await refusal(set, 'another'), 'unauthorized')
})

t.test('an issuer that hangs is given up in time, and those who wait are told together', async t => {
  for (const part of [undefined, '{"keys":[']) {
    const { issuer, log, set } = await start(t, { timeoutMs: 100 })
    issuer.hang(part)
    t.same(await Promise.all([refusal(set, first.kid), refusal(set, first.kid)]), ['unavailable', 'unavailable'])
    t.equal(issuer.requests, 1)
    t.match(log.lines[0]?.fields, { err: { message: /within 100 ms/ } })
  }
})

const bad: Record<string, readonly [status: number, body: string | Buffer, headers?: Record<string, string>]> = {
  'an error': [500, JSON.stringify({ keys: [second.jwk()] })],
  'no content': [204, ''],
  garbage: [200, '<html>Sign in</html>'],
  'JSON that is no set': [200, '{"error":"none"}'],
  'nested arrays': [200, '['.repeat(100_000)],
  'a redirect': [302, '', { location: '/elsewhere' }],
  'a huge set': [200, JSON.stringify({ keys: [second.jwk()], padding: 'x'.repeat(300_000) })],
  'a huge set in a small answer': [200, gzipSync(JSON.stringify({ keys: [second.jwk()], padding: 'x'.repeat(50_000_000) })), { 'content-encoding': 'gzip' }]
}

for (const [what, [status, body, headers]] of Object.entries(bad)) {
  t.test(`${what} is no answer, and the keys at hand serve on`, async t => {
    const { issuer, clock, log, set } = await start(t)
    await set.find(first.kid)
    issuer.answer(status, body, headers)
    clock.advance(pauseMs)
    t.equal(await refusal(set, second.kid), 'unavailable')
    t.equal(await set.find(first.kid), first.publicPem)
    t.equal(issuer.requests, 2)
    t.same(log.of('warn'), ['the key set of the issuer could not be fetched'])
  })
}

t.test('a token that names no key gets the only one, or none', async t => {
  const { issuer, clock, set } = await start(t)
  t.equal(await set.find(undefined), first.publicPem)
  issuer.publish(first.jwk(), second.jwk())
  clock.advance(maxAgeMs)
  t.equal(await refusal(set, undefined), 'unauthorized')
  issuer.publish(first.jwk({ use: 'enc' }), second.jwk({ kid: undefined }))
  clock.advance(maxAgeMs)
  t.equal(await set.find(undefined), second.publicPem, 'one that does not fit does not count')
  t.equal(await refusal(set, second.kid), 'unauthorized', 'and a key without a name has none')
})

t.test('a set without any key refuses every token and says so in the log', async t => {
  const { issuer, log, set } = await start(t)
  issuer.publish()
  t.equal(await refusal(set, first.kid), 'unauthorized')
  t.match(log.lines, [{ level: 'warn', fields: { keys: 0 } }])
})

t.test('the log never has the query of the address', async t => {
  const { issuer, log } = await start(t)
  issuer.answer(500, '')
  const set = new KeySet({ url: `${issuer.url}?key=hunter2`, algorithm: 'ES256', prepare: pem => pem, log })
  await set.refresh()
  t.match(log.lines[0]?.fields, { url: issuer.url })
  t.notMatch(inspect(log.lines, { depth: Infinity }), /hunter2/)
})

t.test('closing gives up a fetch that is under way, and asks the issuer no more', async t => {
  const { issuer, clock, set } = await start(t)
  await set.find(first.kid)
  issuer.hang()
  clock.advance(pauseMs)
  issuer.questions.drain()
  const asked = refusal(set, second.kid)
  await issuer.questions.next('question')
  set.close()
  t.equal(await asked, 'unavailable')
  clock.advance(pauseMs)
  t.equal(await refusal(set, second.kid), 'unavailable')
  t.equal(await set.find(first.kid), first.publicPem)
  t.equal(issuer.requests, 2)
})
