import { createPublicKey, type KeyObject } from 'node:crypto'
import { algorithmsOf } from './algorithms.ts'

/** Smallest RSA key (RFC 7518 §3.3). */
const MIN_RSA_BITS = 2_048

const PRIVATE_PEM = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/
const PUBLIC_PEM = /-----BEGIN (?:RSA )?PUBLIC KEY-----/

/** A key that tokens cannot be verified with. Its message says what was expected, and holds nothing of the key. */
export class PublicKeyError extends Error {}

/**
 * Reads the PEM of a public key: SPKI, or PKCS#1 for RSA.
 * @throws PublicKeyError
 */
export function parsePublicKey (pem: string): KeyObject {
  // Node would take the public half, and nobody would notice that the private one lies about.
  if (PRIVATE_PEM.test(pem)) throw new PublicKeyError('expected a public key, and this is a private one, which only the issuer may have')
  if (!PUBLIC_PEM.test(pem)) throw new PublicKeyError('expected a PEM that begins with -----BEGIN PUBLIC KEY-----')
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch (cause) {
    throw new PublicKeyError('expected a PEM that can be parsed', { cause })
  }
  return assertUsable(key)
}

/**
 * Answers a key that tokens can be verified with.
 * @throws PublicKeyError
 */
export function assertUsable (key: KeyObject): KeyObject {
  if (algorithmsOf(key).length === 0) throw new PublicKeyError('expected a key of RSA, of the curves P-256, P-384 or P-521, or of Ed25519')
  const { modulusLength = MIN_RSA_BITS } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < MIN_RSA_BITS) throw new PublicKeyError(`expected an RSA key of at least ${MIN_RSA_BITS} bits, not ${modulusLength}`)
  return key
}

/** The one form in which keys are handed to what verifies. */
export function toPem (key: KeyObject): string {
  return String(key.export({ type: 'spki', format: 'pem' }))
}
