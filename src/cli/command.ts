import { SettingsError } from '../config.ts'
import { RoomcastError } from '../core/errors.ts'

/** One of the commands that `roomcast` runs, such as `roomcast publish`. */
export interface Command {
  readonly name: string
  /** What it does, for the list of commands. */
  readonly summary: string
  /** How it is called, what it takes with the defaults, and examples. */
  readonly help: string
  /**
   * Takes what follows the name. Where it resolves the command has done what it should.
   * @throws CommandError what failed, or UsageError what was called wrongly, in one sentence
   */
  readonly run: (args: string[]) => void | Promise<void>
}

/** What a command failed at, in one sentence for whoever called it. */
export class CommandError extends Error {}

/** A command that was called wrongly. */
export class UsageError extends CommandError {}

/** With which a command ends; `roomcast --help` tells them. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const

/** Says in one sentence what went wrong, and answers the exit code; rethrows what is a bug. */
export function report (error: unknown, command: string | undefined): number {
  const help = `(roomcast ${command === undefined ? '--help' : `help ${command}`})`
  if (isUsage(error)) {
    process.stderr.write(`${error.message} ${help}\n`)
    return exitCodes.usage
  }
  if (error instanceof CommandError || error instanceof SettingsError || error instanceof RoomcastError) {
    process.stderr.write(`${error.message}\n`)
    return exitCodes.failed
  }
  throw error
}

/** What parseArgs of Node throws is about the arguments too. */
function isUsage (error: unknown): error is Error {
  if (error instanceof UsageError) return true
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}
