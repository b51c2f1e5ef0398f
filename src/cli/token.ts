import { parseArgs } from 'node:util'
import { parseClaims, type Claims } from '../core/claims.ts'
import { RoomcastError } from '../core/errors.ts'
import { signToken } from '../development.ts'
import { UsageError, type Command } from './command.ts'
import { signingSettings } from './local-settings.ts'

const HELP = `Makes a token, signed with JWT_SECRET or with the development secret, and prints it. Where a public key verifies
tokens (JWT_PUBLIC_KEY, JWT_JWKS_URL) it cannot: only the issuer signs them.

  roomcast token --sub ID [options]

  --sub ID            the user's id (required)
  --rooms A,B         rooms that the server subscribes at connect
  --subscribe P,Q     rooms that may be subscribed; * stands for any characters
  --publish P,Q       rooms that may be published to; without it, the same as --rooms and --subscribe
  --info JSON         what other members are shown, at most 1 KiB
  --scope "A B"       what the token may do over REST, such as presence:read
  --life SECONDS      how long it is valid; 86400 if not given

Examples:

  roomcast token --sub alice --rooms lobby
  roomcast token --sub bob --subscribe 'chat:*' --info '{"name":"Bob"}' --life 600
  roomcast token --sub support --scope 'presence:read rooms:read'
`

function run (args: string[]): void {
  const { values } = parseArgs({
    args,
    options: {
      sub: { type: 'string' },
      rooms: { type: 'string' },
      subscribe: { type: 'string' },
      publish: { type: 'string' },
      info: { type: 'string' },
      scope: { type: 'string' },
      life: { type: 'string', default: '86400' }
    }
  })
  if (values.sub === undefined) throw new UsageError('--sub is missing: the user\'s id')
  if (!/^[1-9]\d{0,9}$/.test(values.life)) throw new UsageError(`--life is a number of seconds, not ${values.life}`)
  const rooms = list(values.rooms)
  const subscribe = list(values.subscribe)
  const claims = {
    sub: values.sub,
    rooms,
    can: { subscribe, publish: values.publish === undefined ? [...rooms, ...subscribe] : list(values.publish) },
    ...values.info !== undefined && { info: parseInfo(values.info) },
    ...values.scope !== undefined && { scope: values.scope }
  }
  process.stdout.write(`${signToken(assertClaims(claims), signingSettings(), Number(values.life))}\n`)
}

export const token: Command = { name: 'token', summary: 'make a token for a client or a backend', help: HELP, run }

/** @throws UsageError where a server would refuse the token for what it says */
export function assertClaims (claims: Claims): Claims {
  try {
    return parseClaims(claims)
  } catch (error) {
    if (error instanceof RoomcastError) throw new UsageError(error.message, { cause: error })
    throw error
  }
}

function list (text: string | undefined): string[] {
  return text?.split(',').filter(item => item !== '') ?? []
}

function parseInfo (json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new UsageError('--info is not JSON', { cause })
  }
}
