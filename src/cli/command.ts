import { SettingsError } from '../config.ts'
import { RoomcastError } from '../core/errors.ts'
import { developmentCredentials, type SigningSettings } from '../development.ts'
import { loadEnvironmentFile, readEnvironment } from '../environment.ts'
import { hasTokenSource } from '../token-settings.ts'

/** A command that was called wrongly, in one line for whoever called it. */
export class CommandError extends Error {}

/** A command that was called without what it needs, which its help tells best. */
export class UsageError extends CommandError {}

/** Runs a command: its help where it is asked for or nothing is, one line where it was called wrongly. */
export function runCommand (help: string, main: () => void): void {
  if (process.argv.includes('--help')) {
    process.stdout.write(help)
    return
  }
  try {
    main()
  } catch (error) {
    if (!isExpected(error)) throw error
    process.stderr.write(error instanceof UsageError ? help : `${error.message}\n`)
    process.exitCode = 1
  }
}

/**
 * What tokens are signed with here: the environment's secret, or that of development.
 * @throws CommandError where a public key verifies them: the private one is the issuer's
 */
export function signingSettings (): SigningSettings {
  loadEnvironmentFile()
  const { settings } = readEnvironment(process.env)
  if (settings.jwtSecret === undefined && hasTokenSource(settings)) {
    throw new CommandError('With JWT_PUBLIC_KEY or JWT_JWKS_URL only the issuer can sign tokens; a token can be made here with JWT_SECRET only')
  }
  return { ...settings, jwtSecret: settings.jwtSecret ?? developmentCredentials().jwtSecret }
}

function isExpected (error: unknown): error is Error {
  if (error instanceof CommandError || error instanceof SettingsError || error instanceof RoomcastError) return true
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}
