import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { parseJwks } from '../../src/tokens/jwks.ts'
import { KeyPair } from '../helpers/key-pair.ts'

const rsa = new KeyPair('RS256')
const p256 = new KeyPair('ES256')
const p384 = new KeyPair('ES384')
const ed = new KeyPair('EdDSA')

const set = (...keys: unknown[]): string => JSON.stringify({ keys })

t.test('of the keys of a set those are taken that fit the algorithm', async t => {
  const all = set(...[rsa, p256, p384, ed].map(pair => pair.jwk({ alg: undefined })))
  for (const [algorithm, pair] of [['RS256', rsa], ['PS512', rsa], ['ES256', p256], ['ES384', p384], ['EdDSA', ed]] as const) {
    t.same(parseJwks(all, algorithm), [{ kid: pair.kid, pem: pair.publicPem }], algorithm)
  }
  t.same(parseJwks(all, 'ES512'), [])
})

t.test('members that a key need not have may be missing, and others may stand beside them', async t => {
  const bare = rsa.jwk({ kid: undefined, use: undefined, alg: undefined })
  t.same(parseJwks(set(bare), 'RS256'), [{ kid: undefined, pem: rsa.publicPem }])
  const rich = rsa.jwk({ key_ops: ['verify'], x5t: 'abc', x5c: ['MIIB'], nbf: 5 })
  t.same(parseJwks(set(rich), 'RS256'), [{ kid: rsa.kid, pem: rsa.publicPem }])
})

const unfit: Record<string, unknown> = {
  'a secret': { kty: 'oct', kid: 'a', k: Buffer.from(rsa.publicPem).toString('base64url') },
  'a secret that says it is for the algorithm': { kty: 'oct', kid: 'a', alg: 'RS256', use: 'sig', k: 'c2VjcmV0' },
  'a key for encryption': rsa.jwk({ use: 'enc' }),
  'a key for other operations': rsa.jwk({ key_ops: ['encrypt'] }),
  'a key for another algorithm': rsa.jwk({ alg: 'RS384' }),
  'a key for no algorithm': rsa.jwk({ alg: 'none' }),
  'a key of another kind': p256.jwk({ alg: 'RS256' }),
  'a private key': { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'a' },
  'a weak key': { ...generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' }), kid: 'a' },
  'a broken key': rsa.jwk({ n: 5 }),
  'a key without its parts': { kty: 'RSA', kid: 'a' },
  'a kid that is a number': rsa.jwk({ kid: 7 }),
  'no key': null,
  text: 'RSA'
}

for (const [what, jwk] of Object.entries(unfit)) {
  t.test(`${what} is left out, and the others are taken`, async t => {
    t.same(parseJwks(set(jwk, rsa.jwk()), 'RS256'), [{ kid: rsa.kid, pem: rsa.publicPem }])
  })
}

t.test('a set without keys is one, and other text is none', async t => {
  t.same(parseJwks('{"keys":[],"more":1}', 'RS256'), [])
  for (const text of ['', '<html>', '[]', 'null', '{}', '{"keys":{}}', JSON.stringify(rsa.jwk())]) t.throws(() => parseJwks(text, 'RS256'), text)
})
