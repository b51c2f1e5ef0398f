import type { KeyObject } from 'node:crypto'

/** By a secret that whoever signs and whoever verifies share. */
export const secretAlgorithms = ['HS256', 'HS384', 'HS512'] as const

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const

/** By a key pair: who can verify cannot sign. */
export const keyPairAlgorithms = [...rsaAlgorithms, 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

/** Every algorithm that tokens may be pinned to (RFC 7518 §3.1, RFC 8037). */
export const tokenAlgorithms = [...secretAlgorithms, ...keyPairAlgorithms] as const

export type TokenAlgorithm = typeof tokenAlgorithms[number]

/** By OpenSSL's names of the curves. Others exist, such as secp256k1, which libraries confuse with P-256. */
const curveAlgorithms: ReadonlyMap<string | undefined, readonly TokenAlgorithm[]> = new Map([
  ['prime256v1', ['ES256']],
  ['secp384r1', ['ES384']],
  ['secp521r1', ['ES512']]
])

export function isSecretAlgorithm (algorithm: TokenAlgorithm): boolean {
  return secretAlgorithms.some(name => name === algorithm)
}

/** What a public key can verify, the usual one first; nothing if it is of another kind. */
export function algorithmsOf ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly TokenAlgorithm[] {
  switch (asymmetricKeyType) {
    case 'rsa': return rsaAlgorithms
    case 'ec': return curveAlgorithms.get(asymmetricKeyDetails?.namedCurve) ?? []
    case 'ed25519': return ['EdDSA']
    default: return []
  }
}
