import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import type { RoomcastOptions } from '../../src/app.ts'
import { keySetTimes } from '../../src/tokens/key-set.ts'
import { startHost, type Host } from '../embedded/host.ts'
import { connect, connectRefused } from '../helpers/client.ts'
import { startIssuer } from '../helpers/issuer.ts'
import { KeyPair } from '../helpers/key-pair.ts'
import { contentOf, encode, JWT_SECRET, secondsFromNow, token as signBySecret } from '../helpers/token.ts'

const MAX_TOKEN_LENGTH = 16_384
const startedAt = performance.now()

const pair = new KeyPair('RS256')
const [elliptic, foreign] = [new KeyPair('ES256'), new KeyPair('RS256')]
const issuer = await startIssuer(t)
issuer.publish(pair.jwk(), elliptic.jwk(), { kty: 'oct', kid: 'shared', k: Buffer.from(JWT_SECRET).toString('base64url') })

const expected = { jwtAudience: 'app', jwtIssuer: 'https://issuer.example' }
const claims = { aud: 'app', iss: 'https://issuer.example', scope: 'presence:read' }

type Sign = (claims?: Record<string, unknown>, header?: Record<string, unknown>) => string

const byPair: Sign = (more = {}, header = {}) => pair.token({ ...claims, ...more }, header)

/** Ways to set up verification, and who signs for them. */
const setups: Record<string, { readonly options: RoomcastOptions, readonly sign: Sign }> = {
  'a secret': { options: { ...expected, jwtSecret: JWT_SECRET }, sign: (more = {}, header = {}) => forge({ alg: 'HS256', ...header }, JWT_SECRET, contentOf({ ...claims, ...more })) },
  'a public key': { options: { ...expected, jwtPublicKey: pair.publicPem }, sign: byPair },
  'a key set': { options: { ...expected, jwtJwksUrl: issuer.url }, sign: byPair }
}

const hosts = new Map<string, Host>()
for (const [by, { options }] of Object.entries(setups)) hosts.set(by, await startHost(t, options))

function hostOf (by: string): Host {
  const host = hosts.get(by)
  if (host === undefined) throw new Error(`there is no host with ${by}`)
  return host
}

/** The statuses that a token is answered with: over REST, and in each of the places where a connection may have it. */
async function statusesOf (t: Test, { url, wsUrl }: Host, token: string): Promise<number[]> {
  const rest = await fetch(`${url}/realtime/presence/alice`, { headers: { authorization: `Bearer ${token}` } })
  await rest.text()
  // A subprotocol is of fewer characters; the client itself would refuse others.
  const ways = ['header', 'query', ...token.includes('=') ? [] : ['subprotocol' as const]] as const
  const refusals = await Promise.all(ways.map(via => connectRefused(t, { url: wsUrl, token, via })))
  return [rest.status, ...refusals.map(({ status }) => status)]
}

async function isRefused (t: Test, by: string, tokens: Record<string, string>): Promise<void> {
  for (const [what, token] of Object.entries(tokens)) {
    const statuses = await statusesOf(t, hostOf(by), token)
    const known = [401, ...token.length > MAX_TOKEN_LENGTH / 2 ? [431] : []]
    t.same(statuses.filter(status => !known.includes(status)), [], `${what}: ${statuses.join()}`)
  }
}

/** A token by hand: parts that are text are taken as they are, for a peer that knows no rules. */
function forge (header: unknown, key: string | Buffer | undefined, content: unknown = contentOf(claims)): string {
  const text = [header, content].map(part => typeof part === 'string' ? Buffer.from(part).toString('base64url') : encode(part)).join('.')
  return `${text}.${key === undefined ? '' : createHmac('sha256', key).update(text).digest('base64url')}`
}

for (const [by, { sign }] of Object.entries(setups)) {
  const [head = '', body = '', signature = ''] = sign().split('.')

  t.test(`with ${by} the token that the others are made from passes`, async t => {
    const { url, wsUrl } = hostOf(by)
    t.equal((await fetch(`${url}/realtime/presence/alice`, { headers: { authorization: `Bearer ${sign()}` } })).status, 200)
    for (const via of ['header', 'query', 'subprotocol'] as const) await connect(t, { url: wsUrl, token: sign(), via })
  })

  t.test(`P07: with ${by} no hostile token is more than a refusal`, async t => {
    await isRefused(t, by, {
      'alg none': forge({ alg: 'none' }, undefined),
      'alg None': forge({ alg: 'None' }, undefined),
      'alg nOnE': forge({ alg: 'nOnE', typ: 'JWT' }, undefined),
      'alg none, signed': forge({ alg: 'none' }, JWT_SECRET),
      'no alg': forge({ typ: 'JWT' }, JWT_SECRET),
      'an alg that is a list': forge({ alg: ['HS256', 'RS256'] }, JWT_SECRET),
      'an alg of a prototype': forge({ alg: 'constructor' }, JWT_SECRET),
      'an empty signature': `${head}.${body}.`,
      'no signature': `${head}.${body}`,
      'a signature too many': `${head}.${body}.${signature}.${signature}`,
      'a signature that is cut': `${head}.${body}.${signature.slice(0, -4)}`,
      'a signature with padding': `${head}.${body}.${signature}==`,
      'a header that is no JSON': forge('{"alg":', JWT_SECRET),
      'a header that is null': forge('null', JWT_SECRET),
      'a header that is a list': forge('["HS256"]', JWT_SECRET),
      'a header that is a number': forge('5', JWT_SECRET),
      'no header': `.${body}.${signature}`,
      'a payload that is no JSON': forge({ alg: 'HS256' }, JWT_SECRET, 'alice'),
      'a payload that is a list': forge({ alg: 'HS256' }, JWT_SECRET, ['alice']),
      'a critical extension': sign({}, { crit: ['b64'], b64: false }),
      dots: '..',
      'one dot': '.',
      'many dots': '.'.repeat(1_000),
      '16 kB of a signature': `${head}.${body}.${'A'.repeat(MAX_TOKEN_LENGTH)}`,
      '16 kB of claims, signed well': sign({ padding: 'x'.repeat(MAX_TOKEN_LENGTH) }),
      '12 kB of nonsense': 'A'.repeat(12_000)
    })
  })

  t.test(`P08: with ${by} a token lacks no claim that is required`, async t => {
    await isRefused(t, by, {
      'another audience': sign({ aud: 'other' }),
      'audiences, none of them ours': sign({ aud: ['other', 'apps'] }),
      'no audience': sign({ aud: undefined }),
      'another issuer': sign({ iss: 'https://issuer.example.evil.test' }),
      'no issuer': sign({ iss: undefined }),
      'no exp': sign({ exp: undefined }),
      'an exp that is text': sign({ exp: '9999999999' }),
      'an exp that is null': sign({ exp: null }),
      expired: sign({ exp: secondsFromNow(-1) }),
      'not valid yet': sign({ nbf: secondsFromNow(600) }),
      'no sub': sign({ sub: undefined }),
      'a sub that is a number': sign({ sub: 5 }),
      'a sub that is a list': sign({ sub: ['alice'] }),
      'an empty sub': sign({ sub: '' }),
      'a sub that is null': sign({ sub: null })
    })
  })
}

for (const by of ['a public key', 'a key set']) {
  t.test(`P08: with ${by} an HMAC token signed with the public key is refused`, async t => {
    const secrets: Record<string, string | Buffer> = {
      'the PEM': pair.publicPem,
      'the PEM after a new line': `\n${pair.publicPem}`,
      'the PEM without its last new line': pair.publicPem.trimEnd(),
      'the PEM of PKCS#1': String(pair.publicKey.export({ type: 'pkcs1', format: 'pem' })),
      'the DER': pair.publicKey.export({ type: 'spki', format: 'der' }),
      'the JWK': JSON.stringify(pair.jwk()),
      'the modulus': String(pair.jwk().n),
      'a secret of the set': JWT_SECRET
    }
    for (const [what, secret] of Object.entries(secrets)) {
      for (const alg of ['HS256', 'RS256']) {
        const headers = [{ alg }, { alg, kid: pair.kid }, { alg, kid: 'shared' }]
        await isRefused(t, by, Object.fromEntries(headers.map(header => [`${what}, ${JSON.stringify(header)}`, forge(header, secret)])))
      }
    }
  })

  t.test(`P08: with ${by} the pinned algorithm is the only one, and a token does not bring its key`, async t => {
    await isRefused(t, by, {
      'PS256 of the same key': pair.as('PS256').token(claims, { kid: pair.kid }),
      'RS512 of the same key': pair.as('RS512').token(claims, { kid: pair.kid }),
      'RS256 of which only the header says so': pair.as('PS256').token(claims, { kid: pair.kid, alg: 'RS256' }),
      'ES256 of a key of the set': elliptic.token(claims),
      'another key': foreign.token(claims, { kid: pair.kid }),
      'a key in the header': foreign.token(claims, { jwk: foreign.jwk(), kid: pair.kid }),
      'the address of a key in the header': foreign.token(claims, { jku: 'http://127.0.0.1:9/keys', x5u: 'http://127.0.0.1:9/', kid: pair.kid })
    })
  })
}

t.test('P08: with a key set no spelling of a kid finds a key that it does not name', async t => {
  const kids = ['', ' ', '__proto__', 'constructor', 'shared', elliptic.kid, pair.kid.toUpperCase(), `${pair.kid} `, '../keys', 'x'.repeat(4_000), 5, null, [pair.kid], { kid: pair.kid }]
  await isRefused(t, 'a key set', Object.fromEntries(kids.map(kid => [JSON.stringify(kid).slice(0, 40), foreign.token(claims, { kid })])))
  await isRefused(t, 'a key set', Object.fromEntries(kids.map(kid => [`${JSON.stringify(kid).slice(0, 40)}, signed well`, byPair({}, { kid })])))
})

t.test('P08: with a secret another algorithm of the same secret is refused', async t => {
  await isRefused(t, 'a secret', {
    HS512: signBySecret(claims, { algorithm: 'HS512' }),
    HS384: signBySecret(claims, { algorithm: 'HS384' }),
    'HS512 of which only the header says HS256': signBySecret(claims, { algorithm: 'HS512' }).replace(/^[^.]+/, encode({ alg: 'HS256' })),
    'RS256 of any key': byPair()
  })
})

t.test('P07: hostile tokens are no errors of ours, and made the issuer be asked once in a while only', async t => {
  for (const [by, { logs }] of hosts) t.same(logs.filter(line => /"level":(?:50|60)/.test(line)), [], by)
  const most = 2 + Math.floor((performance.now() - startedAt) / keySetTimes.pauseMs)
  t.ok(issuer.requests <= most, `it was asked ${issuer.requests} times, and at most ${most} were allowed`)
})

t.end()
