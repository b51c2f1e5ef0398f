import { existsSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import type { Scope, Settings } from '../config.ts'
import { developmentCredentials, DEVELOPMENT_FILE, type SigningSettings } from '../development.ts'
import { loadEnvironmentFile, readEnvironment, type ProcessSettings } from '../environment.ts'
import { hasTokenSource } from '../token-settings.ts'
import { CommandError, UsageError } from './command.ts'

/** What the server that is started in this folder would read: the environment, and `.env`. */
export function localSettings (): { readonly process: ProcessSettings, readonly settings: Settings } {
  loadEnvironmentFile()
  return readEnvironment(process.env)
}

/**
 * What tokens are signed with here: the environment's secret, or that of development.
 * @throws CommandError where a public key verifies them: the private one is the issuer's
 */
export function signingSettings (): SigningSettings {
  const { settings } = localSettings()
  if (settings.jwtSecret === undefined && hasTokenSource(settings)) {
    throw new CommandError('With JWT_PUBLIC_KEY or JWT_JWKS_URL only the issuer can sign tokens; a token can be made here with JWT_SECRET only')
  }
  return { ...settings, jwtSecret: settings.jwtSecret ?? developmentCredentials().jwtSecret }
}

/**
 * Where Roomcast is, without a slash at the end: the address that was given, or where the server of this folder listens.
 * @throws CommandError where neither says it
 */
export function serverUrl (given: string | undefined): string {
  if (given !== undefined) {
    if (!/^https?:/.test(given) || !URL.canParse(given)) throw new UsageError(`--url is not an http or https URL: ${given}`)
    return given.replace(/\/+$/, '')
  }
  const { host, port } = localSettings().process
  if (port === 0) throw new CommandError('PORT is 0, any free port: say by --url where Roomcast is')
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${isIPv6(reached) ? `[${reached}]` : reached}:${port}`
}

/**
 * An API key that may do something: the one that was given, the first of API_KEYS with that scope, or that of development.
 * @throws CommandError where there is none
 */
export function apiKeyFor (scope: Scope, given: string | undefined): string {
  if (given !== undefined) return given
  const { settings: { apiKeys } } = localSettings()
  const fitting = apiKeys.find(({ scopes }) => scopes === undefined || scopes.includes(scope))
  if (fitting !== undefined) return fitting.key
  if (apiKeys.length > 0) throw new CommandError(`No key in API_KEYS has the scope ${scope}: pass one that has it by --api-key`)
  // Whoever asks makes no credentials: no server would know them.
  if (!existsSync(DEVELOPMENT_FILE)) throw new CommandError('There is no API key here: set API_KEYS, pass --api-key, or start Roomcast in this folder first')
  return developmentCredentials().apiKey
}
