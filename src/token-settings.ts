import type { Settings } from './config.ts'
import { SettingsError } from './settings-error.ts'
import { algorithmsOf, isSecretAlgorithm, secretAlgorithms, type TokenAlgorithm } from './tokens/algorithms.ts'
import { parsePublicKey, PublicKeyError } from './tokens/public-key.ts'

/** What tokens can be verified with; one of them at most is set. */
const tokenSources = ['jwtSecret', 'jwtPublicKey', 'jwtJwksUrl'] as const

/** Shortest secret: 256 bits, as long as the digest of HS256 (RFC 7518 §3.2). */
const MIN_SECRET_BYTES = 32

/** As `URL` writes them. What an issuer there says cannot be changed on its way. */
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

type TokenSources = Pick<Settings, typeof tokenSources[number]>
type NameOf = (setting: string) => string

/** Whether the settings say what tokens are verified with. */
export function hasTokenSource (settings: TokenSources): boolean {
  return tokenSources.some(name => settings[name] !== undefined)
}

/**
 * Checks what tokens are verified with, and answers the one algorithm that they may have.
 * @param given the algorithm that was asked for; undefined: the usual one of the secret, key or set
 * @throws SettingsError
 */
export function chooseAlgorithm (settings: TokenSources, given: TokenAlgorithm | undefined, nameOf: NameOf): TokenAlgorithm {
  const named = tokenSources.filter(name => settings[name] !== undefined)
  if (named.length > 1) throw new SettingsError(named.map(nameOf).join(', '), 'expected only one of them')
  const { jwtSecret, jwtPublicKey, jwtJwksUrl } = settings
  if (jwtSecret !== undefined) assertSecret(jwtSecret, nameOf)
  if (jwtJwksUrl !== undefined) assertJwksUrl(jwtJwksUrl, nameOf)
  const possible = jwtPublicKey === undefined ? undefined : algorithmsOfPem(jwtPublicKey, nameOf)
  const isByKeyPair = jwtPublicKey !== undefined || jwtJwksUrl !== undefined
  const algorithm = given ?? possible?.[0] ?? (isByKeyPair ? 'RS256' : 'HS256')
  if (isSecretAlgorithm(algorithm) === isByKeyPair) {
    throw new SettingsError(nameOf('jwtAlgorithm'), isByKeyPair
      ? `expected an algorithm of key pairs beside ${named.map(nameOf).join()}, not ${algorithm}, which goes with ${nameOf('jwtSecret')}`
      : `expected ${secretAlgorithms.join(', ')}, unless ${nameOf('jwtPublicKey')} or ${nameOf('jwtJwksUrl')} is set, which ${algorithm} needs`)
  }
  if (possible?.includes(algorithm) === false) throw new SettingsError(nameOf('jwtAlgorithm'), `expected ${possible.join(', ')}, which the key in ${nameOf('jwtPublicKey')} is for`)
  return algorithm
}

function assertSecret (secret: string, nameOf: NameOf): void {
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) throw new SettingsError(nameOf('jwtSecret'), `expected at least ${MIN_SECRET_BYTES} bytes`)
  // Whoever has what everyone may have could sign.
  if (/-----BEGIN [A-Z ]*(?:PUBLIC KEY|CERTIFICATE)-----/.test(secret)) {
    throw new SettingsError(nameOf('jwtSecret'), `expected a secret, not a public key, which goes into ${nameOf('jwtPublicKey')}`)
  }
}

function algorithmsOfPem (pem: string, nameOf: NameOf): readonly TokenAlgorithm[] {
  try {
    return algorithmsOf(parsePublicKey(pem))
  } catch (error) {
    if (error instanceof PublicKeyError) throw new SettingsError(nameOf('jwtPublicKey'), error.message)
    throw error
  }
}

function assertJwksUrl (url: string, nameOf: NameOf): void {
  if (URL.canParse(url) && isSafe(new URL(url))) return
  // Without the URL itself, which may hold a password.
  throw new SettingsError(nameOf('jwtJwksUrl'), 'expected an https URL without a user, or an http one of the loopback interface')
}

function isSafe ({ protocol, hostname, username, password }: URL): boolean {
  return (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))) && username === '' && password === ''
}
