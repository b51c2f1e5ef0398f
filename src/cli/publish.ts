import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { mustAnswer } from './ask-server.ts'
import { UsageError, type Command } from './command.ts'
import { apiKeyFor, serverUrl } from './local-settings.ts'

const HELP = `Publishes to a room, a user or everyone, as a backend service does, and prints what the server answers: the position
that the publication got. JSON is any JSON; text needs quotes of its own. With - it is read from stdin.

  roomcast publish ROOM JSON [options]
  roomcast publish --user ID JSON [options]
  roomcast publish --everyone JSON [options]

  --user ID        to every connection of a user
  --everyone       to every connection
  --key KEY        names this publication: for five minutes the same under the same key is published once, so a retry is safe
  --volatile       to whoever is there; not kept, in no history
  --url URL        where Roomcast is; where the server of this folder listens if not given (HOST, PORT): http://127.0.0.1:3000
  --api-key KEY    with the scope publish; the first such key of API_KEYS if not given, else the development key

Examples:

  roomcast publish lobby '"hello"'
  roomcast publish chat:42 '{"text":"hi"}' --key order-1042
  roomcast publish --user alice '{"type":"order.placed"}'
  date +'{"now":"%T"}' | roomcast publish --everyone --volatile -
`

async function run (args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      user: { type: 'string' },
      everyone: { type: 'boolean' },
      key: { type: 'string' },
      volatile: { type: 'boolean' },
      url: { type: 'string' },
      'api-key': { type: 'string' }
    }
  })
  const { key, volatile } = values
  const { target, json } = readTarget(values, positionals)
  const data = await readData(json)
  const head = JSON.stringify({ ...target, ...key !== undefined && { key }, ...volatile && { volatile } })
  const answer = await mustAnswer({
    url: serverUrl(values.url),
    path: '/publish',
    credential: apiKeyFor('publish', values['api-key']),
    // The data as it was written: numbers that JavaScript would change are the server's to take.
    body: `${head.slice(0, -1)},"data":${data}}`
  })
  process.stdout.write(`${answer}\n`)
}

export const publish: Command = { name: 'publish', summary: 'publish to a room, a user or everyone', help: HELP, run }

type Target = { readonly room: string } | { readonly user: string } | { readonly everyone: true }

interface TargetOptions {
  readonly user?: string | undefined
  readonly everyone?: boolean | undefined
}

function readTarget ({ user, everyone }: TargetOptions, positionals: readonly string[]): { readonly target: Target, readonly json: string } {
  const [room, ...rest] = user === undefined && everyone === undefined ? positionals : [undefined, ...positionals]
  const [json, extra] = rest
  const targets: Target[] = [
    ...room === undefined ? [] : [{ room }],
    ...user === undefined ? [] : [{ user }],
    ...everyone === undefined ? [] : [{ everyone: true as const }]
  ]
  const [target, another] = targets
  if (target === undefined) throw new UsageError('To whom? Name a room, --user ID or --everyone')
  if (another !== undefined || extra !== undefined) throw new UsageError('Name one room, one --user or --everyone, and one JSON')
  if (json === undefined) throw new UsageError('There is nothing to publish: JSON is missing, or - for stdin')
  return { target, json }
}

async function readData (json: string): Promise<string> {
  const data = json === '-' ? await text(process.stdin) : json
  try {
    JSON.parse(data)
  } catch (cause) {
    throw new UsageError('What should be published is not JSON; text needs quotes of its own, such as \'"hello"\'', { cause })
  }
  return data
}
