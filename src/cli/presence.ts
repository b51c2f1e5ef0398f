import { parseArgs } from 'node:util'
import type { UserPresence } from '../core/presence-store.ts'
import { mustAnswer } from './ask-server.ts'
import { UsageError, type Command } from './command.ts'
import { apiKeyFor, serverUrl } from './local-settings.ts'

const HELP = `Says whether a user is online, on whatever node, and by which connections. The exit code is 0 for either.

  roomcast presence USER [options]

  --json           the server's answer as it is, in one line
  --url URL        where Roomcast is; where the server of this folder listens if not given (HOST, PORT): http://127.0.0.1:3000
  --api-key KEY    with the scope presence:read; the first such key of API_KEYS if not given, else the development key

Examples:

  roomcast presence alice
  roomcast presence alice --json | jq .online
`

async function run (args: string[]): Promise<void> {
  const { values, positionals: [userId, extra] } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean' }, url: { type: 'string' }, 'api-key': { type: 'string' } }
  })
  if (userId === undefined || extra !== undefined) throw new UsageError('Name one user')
  const answer = await mustAnswer({
    url: serverUrl(values.url),
    path: `/presence/${encodeURIComponent(userId)}`,
    credential: apiKeyFor('presence:read', values['api-key'])
  })
  process.stdout.write(values.json ? `${answer}\n` : describe(JSON.parse(answer) as UserPresence))
}

export const presence: Command = { name: 'presence', summary: 'say whether a user is online, and where', help: HELP, run }

function describe ({ userId, online, connections, lastSeenAt }: UserPresence): string {
  if (!online) return `${userId} is offline, ${lastSeenAt === null ? 'not seen for 30 days' : `last seen ${instant(lastSeenAt)}`}\n`
  const lines = connections.map(({ connectionId, nodeName, transport, connectedAt }) => `  ${connectionId}  ${transport} to ${nodeName} since ${instant(connectedAt)}\n`)
  return `${userId} is online, ${connections.length} ${connections.length === 1 ? 'connection' : 'connections'}\n${lines.join('')}`
}

function instant (ms: number): string {
  return new Date(ms).toISOString()
}
