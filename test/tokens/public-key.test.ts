import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { algorithmsOf, keyPairAlgorithms } from '../../src/tokens/algorithms.ts'
import { parsePublicKey, PublicKeyError, toPem } from '../../src/tokens/public-key.ts'
import { KeyPair, pem } from '../helpers/key-pair.ts'
import { refusalOf } from '../helpers/refusal.ts'

const rsa = new KeyPair('RS256')

function refusal (text: string): string {
  return refusalOf(PublicKeyError, () => parsePublicKey(text))
}

t.test('each kind of key is for its own algorithms, and the usual one comes first', async t => {
  const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
  for (const algorithm of keyPairAlgorithms) {
    const { publicPem } = rsaAlgorithms.includes(algorithm) ? rsa : new KeyPair(algorithm)
    t.same(algorithmsOf(parsePublicKey(publicPem)), rsaAlgorithms.includes(algorithm) ? rsaAlgorithms : [algorithm], algorithm)
  }
})

t.test('a PEM may have lines around it, be of PKCS#1, or have the ends of lines of Windows', async t => {
  const pkcs1 = String(rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }))
  for (const text of [`\n${rsa.publicPem}\n`, `Our key:\n${rsa.publicPem}`, pkcs1, rsa.publicPem.replaceAll('\n', '\r\n'), rsa.publicPem.trimEnd()]) {
    t.equal(toPem(parsePublicKey(text)), rsa.publicPem, text.slice(0, 30))
  }
})

t.test('a private key is refused, though its public half would do, and not repeated', async t => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const encrypted = String(privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }))
  for (const text of [pem(rsa.privateKey), String(rsa.privateKey.export({ type: 'pkcs1', format: 'pem' })), String(privateKey.export({ type: 'sec1', format: 'pem' })), encrypted, rsa.publicPem + pem(rsa.privateKey)]) {
    const message = refusal(text)
    t.match(message, /expected a public key/)
    t.notOk(message.includes(text.split('\n')[1] ?? ''))
  }
})

t.test('what is no PEM of a public key is refused', async t => {
  const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
  for (const text of ['', 'nonsense', certificate, JSON.stringify(rsa.jwk())]) t.match(refusal(text), /BEGIN PUBLIC KEY/)
  const broken = rsa.publicPem.replace(/\n.{20}/, '\n')
  for (const text of [broken, '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n']) t.match(refusal(text), /can be parsed/)
})

t.test('a key that is weak or of another kind is refused', async t => {
  const kinds: Record<string, KeyObject> = {
    'at least 2048 bits, not 1024': generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey,
    'P-256, P-384 or P-521': generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey,
    'or of Ed25519': generateKeyPairSync('ed448').publicKey,
    'expected a key of RSA': generateKeyPairSync('x25519').publicKey
  }
  for (const [says, key] of Object.entries(kinds)) t.match(refusal(pem(key)), says)
  t.equal(createPublicKey(rsa.publicPem).asymmetricKeyDetails?.modulusLength, 2_048, 'this one is just long enough')
})
