import { constants, generateKeyPairSync, randomUUID, sign, type JsonWebKey, type KeyObject, type SignKeyObjectInput } from 'node:crypto'
import type { TokenAlgorithm } from '../../src/tokens/algorithms.ts'
import { contentOf, encode } from './token.ts'

export type KeyPairAlgorithm = Exclude<TokenAlgorithm, `HS${string}`>

const curves: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

/** A key pair of an issuer of tokens. */
export class KeyPair {
  readonly algorithm: KeyPairAlgorithm
  /** The name of the key in its issuer's set. */
  readonly kid = randomUUID()
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject

  constructor (algorithm: KeyPairAlgorithm, { publicKey, privateKey } = generate(algorithm)) {
    this.algorithm = algorithm
    this.publicKey = publicKey
    this.privateKey = privateKey
  }

  /** The same keys, used for another algorithm. */
  as (algorithm: KeyPairAlgorithm): KeyPair {
    return new KeyPair(algorithm, this)
  }

  get publicPem (): string { return pem(this.publicKey) }

  /** As the issuer's set holds it, with what a test changes. Members given as `undefined` are left out. */
  jwk (changes: Record<string, unknown> = {}): JsonWebKey {
    const whole = { ...this.publicKey.export({ format: 'jwk' }), kid: this.kid, use: 'sig', alg: this.algorithm, ...changes }
    return JSON.parse(JSON.stringify(whole)) as JsonWebKey
  }

  /** A token that is good for an hour. Claims and members of the header that are given as `undefined` are left out. */
  token (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
    const text = `${encode({ alg: this.algorithm, typ: 'JWT', kid: this.kid, ...header })}.${encode(contentOf(claims))}`
    return `${text}.${this.#sign(text).toString('base64url')}`
  }

  #sign (text: string): Buffer {
    const digest = this.algorithm === 'EdDSA' ? null : `sha${this.algorithm.slice(2)}`
    return sign(digest, Buffer.from(text), { key: this.privateKey, ...paddingOf(this.algorithm) })
  }
}

export function pem (key: KeyObject): string {
  return String(key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }))
}

/** RFC 7518 §3.3–3.5. */
function paddingOf (algorithm: KeyPairAlgorithm): Omit<SignKeyObjectInput, 'key'> {
  if (algorithm.startsWith('PS')) return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return algorithm.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' } : {}
}

function generate (algorithm: KeyPairAlgorithm): { publicKey: KeyObject, privateKey: KeyObject } {
  const namedCurve = curves[algorithm]
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve })
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength: 2_048 })
}
