#!/usr/bin/env node
import { version } from '../version.ts'
import { exitCodes, report, UsageError, type Command } from './command.ts'
import { commands, HELP } from './commands.ts'
import { serve } from './serve.ts'

async function main (args: readonly string[]): Promise<void> {
  const [first = serve.name, ...rest] = args
  if (first !== serve.name) process.stdout.on('error', endWithReader)
  if (first === '--version' || first === '-v') return print(`${version}\n`)
  if (first === '--help' || first === '-h') return print(HELP)
  if (first === 'help') return print(rest[0] === undefined ? HELP : find(rest[0]).help)
  const command = find(first)
  const options = rest.slice(0, rest.includes('--') ? rest.indexOf('--') : undefined)
  if (options.includes('--help') || options.includes('-h')) return print(command.help)
  await command.run(rest)
}

function find (name: string): Command {
  const command = commands.find(command => command.name === name)
  if (command === undefined) throw new UsageError(`There is no command ${name}`)
  return command
}

function print (text: string): void {
  process.stdout.write(text)
}

/** Whoever read our output has gone, such as `head`: there is nothing left to do. A server goes on, or shuts down as it should. */
function endWithReader (error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(exitCodes.done)
}

const args = process.argv.slice(2)
main(args).catch(error => {
  process.exitCode = report(error, commands.find(({ name }) => name === args[0])?.name)
})
