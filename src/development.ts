import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createSigner } from 'fast-jwt'
import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { SettingsError, type Settings } from './config.ts'
import type { Claims } from './core/claims.ts'
import type { ProcessSettings } from './environment.ts'
import { hasTokenSource } from './token-settings.ts'

/** Where the credentials of a development process are kept, so that they outlive a restart; git ignores it. */
export const DEVELOPMENT_FILE = '.roomcast-dev.json'

const CredentialsSchema = Type.Object({ jwtSecret: Type.String({ minLength: 32 }), apiKey: Type.String({ minLength: 32 }) })

export type DevelopmentCredentials = Static<typeof CredentialsSchema>

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** How long the token that a start prints is valid, in seconds. */
const TOKEN_LIFE_S = 24 * 60 * 60

/**
 * Completes the settings for a process that was given no secret or no API keys: with random ones of its own where that harms
 * nobody, on loopback and not in production.
 * @throws SettingsError naming what is missing, everywhere else
 */
export function withDevelopmentCredentials (
  settings: Settings, { host }: ProcessSettings, nodeEnv: string | undefined
): { settings: Settings, isDevelopment: boolean } {
  const missing = [
    ...hasTokenSource(settings) ? [] : ['JWT_SECRET'],
    ...settings.apiKeys.length === 0 ? ['API_KEYS'] : []
  ]
  if (missing.length === 0) return { settings, isDevelopment: false }
  if (nodeEnv === 'production' || !LOOPBACK.has(host)) {
    throw new SettingsError(missing.join(', '), 'must be set, since NODE_ENV is production or HOST is not loopback (JWT_PUBLIC_KEY or JWT_JWKS_URL will do for JWT_SECRET); see .env.example')
  }
  const { jwtSecret, apiKey } = developmentCredentials()
  return {
    settings: {
      ...settings,
      console: settings.console ?? true,
      ...!hasTokenSource(settings) && { jwtSecret },
      apiKeys: settings.apiKeys.length > 0 ? settings.apiKeys : [{ name: 'development', key: apiKey }]
    },
    isDevelopment: true
  }
}

/** Reads the development credentials, and makes them at first. */
export function developmentCredentials (file = DEVELOPMENT_FILE): DevelopmentCredentials {
  const fresh: DevelopmentCredentials = { jwtSecret: randomBytes(32).toString('base64url'), apiKey: randomBytes(32).toString('base64url') }
  try {
    writeFileSync(file, JSON.stringify(fresh), { mode: 0o600, flag: 'wx' })
    return fresh
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const kept = parse(readFileSync(file, 'utf8'))
  if (!Value.Check(CredentialsSchema, kept)) throw new SettingsError(file, 'is not what Roomcast wrote; delete it and start again')
  return kept
}

function parse (json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** What tokens are signed with, and what they must say to be accepted. */
export type SigningSettings = Pick<Settings, 'jwtAlgorithm' | 'jwtAudience' | 'jwtIssuer' | 'jwtSecret'>

/**
 * Signs a token that these settings accept. `lifeSeconds` is how long it is valid.
 * @throws Error where tokens are not verified by a secret: nobody but the issuer can sign them
 */
export function signToken (claims: Omit<Claims, 'exp'>, settings: SigningSettings, lifeSeconds: number): string {
  const { jwtSecret, jwtAlgorithm: algorithm, jwtAudience: aud, jwtIssuer: iss } = settings
  if (jwtSecret === undefined) throw new Error('without a secret only the issuer can sign tokens')
  const sign = createSigner({ key: jwtSecret, algorithm, expiresIn: lifeSeconds * 1_000, ...aud !== undefined && { aud }, ...iss !== undefined && { iss } })
  return sign(claims)
}

/** Tells whoever started a development process what to try; `tail` is how the command of that name is run here. */
export function introduce (address: string, settings: Settings, tail: string): void {
  process.stdout.write(`
Roomcast runs with development credentials, kept in ${DEVELOPMENT_FILE} (never in production).

${settings.jwtSecret === undefined ? connectAsKnown(address, tail) : connectAsAlice(address, settings, tail)}

2. In a third, publish to the room:

  curl -H 'authorization: Bearer ${settings.apiKeys[0]?.key}' -H 'content-type: application/json' \\
    -d '{"room":"lobby","data":"hello"}' ${address}/publish
${settings.console === true ? consoleAt(address) : ''}
`)
}

function connectAsAlice (address: string, settings: Settings, tail: string): string {
  const token = signToken({ sub: 'alice', rooms: ['lobby'], can: { publish: ['lobby'] } }, settings, TOKEN_LIFE_S)
  return `A token for alice, who is in the room "lobby", good for 24 hours:

  ${token}

1. In a second terminal, connect as alice, and leave it open:

  ${tail} --url ${address} --token ${token}`
}

function consoleAt (address: string): string {
  return `
Or do both in a browser, at ${address}/console, which asks for the token, and for the key to show the operator's half.
`
}

/** Where a public key verifies the tokens, this process has none to show. */
function connectAsKnown (address: string, tail: string): string {
  return `1. In a second terminal, connect with a token of your issuer, and leave it open:

  ${tail} lobby --url ${address} --token TOKEN`
}
