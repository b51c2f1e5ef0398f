import { parseArgs } from 'node:util'
import type { Command } from './command.ts'

const HELP = `Runs Roomcast until SIGTERM or Ctrl-C. Its settings are environment variables, also from a file .env in this folder;
.env.example lists them. With none it serves one process in memory on http://127.0.0.1:3000, with development
credentials that it keeps in this folder, and prints a token and two commands to try.

  roomcast
  roomcast serve

Examples:

  roomcast
  PORT=8080 LOG_LEVEL=warn roomcast
  REDIS_URL=redis://127.0.0.1:6379 JWT_SECRET=… API_KEYS=orders:… HOST=0.0.0.0 roomcast
`

/** The server is a program of its own, which reads the environment and ends the process itself. */
async function run (args: string[]): Promise<void> {
  parseArgs({ args })
  await import('../server.ts')
}

export const serve: Command = { name: 'serve', summary: 'run Roomcast; what roomcast alone does too', help: HELP, run }
