import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { algorithmsOf, type TokenAlgorithm } from './algorithms.ts'
import { assertUsable, toPem } from './public-key.ts'

/** A key of an issuer's set, under the id by which tokens name it. */
export interface NamedKey {
  readonly kid: string | undefined
  readonly pem: string
}

/** RFC 7517 §5. What is no key that we know is left out, as it must be, and spoils nothing. */
const setCheck = TypeCompiler.Compile(Type.Object({ keys: Type.Array(Type.Unknown()) }))

/** RFC 7517 §4, a public key for signatures. `oct`, a secret that was published, is none. */
const keyCheck = TypeCompiler.Compile(Type.Object({
  kty: Type.Union([Type.Literal('RSA'), Type.Literal('EC'), Type.Literal('OKP')]),
  kid: Type.Optional(Type.String()),
  use: Type.Optional(Type.Literal('sig')),
  key_ops: Type.Optional(Type.Array(Type.Literal('verify'))),
  alg: Type.Optional(Type.String()),
  // The private half: whoever reads the set could sign.
  d: Type.Optional(Type.Never())
}))

/**
 * The keys of a JSON Web Key Set that verify an algorithm.
 * @throws Error if the text is no such set
 */
export function parseJwks (text: string, algorithm: TokenAlgorithm): NamedKey[] {
  const set: unknown = JSON.parse(text)
  if (!setCheck.Check(set)) throw new Error('it is no JSON Web Key Set')
  return set.keys.flatMap(jwk => parseKey(jwk, algorithm) ?? [])
}

function parseKey (jwk: unknown, algorithm: TokenAlgorithm): NamedKey | undefined {
  if (!keyCheck.Check(jwk) || (jwk.alg ?? algorithm) !== algorithm) return undefined
  try {
    const key = assertUsable(createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }))
    return algorithmsOf(key).includes(algorithm) ? { kid: jwk.kid, pem: toPem(key) } : undefined
  } catch {
    // One key that is broken or weak must not shut out the bearers of the others.
    return undefined
  }
}
