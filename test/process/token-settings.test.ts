import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { parseSettings, SettingsError, type Settings } from '../../src/config.ts'
import { readEnvironment } from '../../src/environment.ts'
import { keyPairAlgorithms, secretAlgorithms } from '../../src/tokens/algorithms.ts'
import { KeyPair, pem } from '../helpers/key-pair.ts'
import { refusalOf } from '../helpers/refusal.ts'
import { JWT_SECRET } from '../helpers/token.ts'

const JWKS_URL = 'https://issuer.example/keys'
const rsa = new KeyPair('RS256')
const pairs = [rsa, ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const).map(algorithm => new KeyPair(algorithm))]

function refusal (options: Partial<Settings>): string {
  return refusalOf(SettingsError, () => parseSettings(options))
}

t.test('without a word about it, the algorithm is the usual one of the secret, of the key or of a key set', async t => {
  for (const { algorithm, publicPem } of pairs) t.equal(parseSettings({ jwtPublicKey: publicPem }).jwtAlgorithm, algorithm)
  t.equal(parseSettings({ jwtSecret: JWT_SECRET }).jwtAlgorithm, 'HS256')
  t.equal(parseSettings({ jwtJwksUrl: JWKS_URL }).jwtAlgorithm, 'RS256')
  t.equal(parseSettings({}).jwtAlgorithm, 'HS256', 'and that of the development secret, if nothing is set')
})

t.test('an algorithm must fit what verifies, and a key set takes any of key pairs', async t => {
  for (const jwtAlgorithm of keyPairAlgorithms) {
    t.match(refusal({ jwtSecret: JWT_SECRET, jwtAlgorithm }), /^jwtAlgorithm: expected HS256, HS384, HS512, unless jwtPublicKey or jwtJwksUrl /)
    t.equal(parseSettings({ jwtJwksUrl: JWKS_URL, jwtAlgorithm }).jwtAlgorithm, jwtAlgorithm)
    for (const { publicPem, algorithm } of pairs) {
      if (algorithm === jwtAlgorithm || (algorithm === 'RS256' && /^[RP]S/.test(jwtAlgorithm))) t.equal(parseSettings({ jwtPublicKey: publicPem, jwtAlgorithm }).jwtAlgorithm, jwtAlgorithm)
      else t.match(refusal({ jwtPublicKey: publicPem, jwtAlgorithm }), `jwtAlgorithm: expected ${algorithm}`)
    }
  }
  for (const jwtAlgorithm of secretAlgorithms) {
    t.equal(parseSettings({ jwtSecret: JWT_SECRET, jwtAlgorithm }).jwtAlgorithm, jwtAlgorithm)
    t.match(refusal({ jwtPublicKey: rsa.publicPem, jwtAlgorithm }), /^jwtAlgorithm: expected an algorithm of key pairs beside jwtPublicKey, not HS/)
    t.match(refusal({ jwtJwksUrl: JWKS_URL, jwtAlgorithm }), /^jwtAlgorithm: expected an algorithm of key pairs beside jwtJwksUrl, not HS/)
  }
})

t.test('two things to verify with are refused, by both their names', async t => {
  const all = { jwtSecret: JWT_SECRET, jwtPublicKey: rsa.publicPem, jwtJwksUrl: JWKS_URL }
  t.equal(refusal(all), 'jwtSecret, jwtPublicKey, jwtJwksUrl: expected only one of them')
  for (const name of Object.keys(all) as Array<keyof typeof all>) {
    const { [name]: _, ...two } = all
    t.equal(refusal(two), `${Object.keys(two).join(', ')}: expected only one of them`)
  }
  t.throws(() => readEnvironment({ JWT_SECRET, JWT_JWKS_URL: JWKS_URL }), { message: 'JWT_SECRET, JWT_JWKS_URL: expected only one of them' })
})

t.test('a key that cannot serve is refused by the name of its setting', async t => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey
  for (const [jwtPublicKey, says] of [[pem(weak), /2048 bits/], [pem(rsa.privateKey), /private/], ['key.pem', /PEM/], ['', /length/]] as const) {
    t.match(refusal({ jwtPublicKey }), /^jwtPublicKey: /)
    t.match(refusal({ jwtPublicKey }), says)
  }
})

t.test('JWT_PUBLIC_KEY can be the path of a file', async t => {
  const folder = t.testdir({ 'public.pem': rsa.publicPem, 'private.pem': pem(rsa.privateKey), 'other.txt': 'nonsense' })
  const read = (name: string) => readEnvironment({ JWT_PUBLIC_KEY: join(folder, name), JWT_ALGORITHM: 'PS384' }).settings
  t.match(read('public.pem'), { jwtPublicKey: rsa.publicPem, jwtAlgorithm: 'PS384' })
  for (const [name, says] of [['private.pem', /private/], ['other.txt', /PEM/], ['', /EISDIR/], ['missing.pem', /ENOENT/]] as const) {
    t.throws(() => read(name), { name: 'SettingsError', message: /^JWT_PUBLIC_KEY: expected / })
    t.throws(() => read(name), { message: says })
  }
})

t.test('a secret that everyone may know is none', async t => {
  for (const jwtSecret of [rsa.publicPem, `\n${rsa.publicPem}`, String(rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }))]) {
    t.match(refusal({ jwtSecret }), /^jwtSecret: expected a secret, not a public key, which goes into jwtPublicKey$/)
  }
})
