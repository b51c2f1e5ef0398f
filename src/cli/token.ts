import { parseArgs } from 'node:util'
import { parseClaims } from '../core/claims.ts'
import { signToken } from '../development.ts'
import { CommandError, runCommand, signingSettings, UsageError } from './command.ts'

const HELP = `Makes a token, signed with JWT_SECRET or with the development secret, and prints it. Where a public key verifies
tokens (JWT_PUBLIC_KEY, JWT_JWKS_URL) it cannot: only the issuer signs them.

  npm run -s token -- --sub alice --rooms lobby

  --sub ID            the user's id (required)
  --rooms A,B         rooms that the server subscribes at connect
  --subscribe P,Q     rooms that may be subscribed; * stands for any characters
  --publish P,Q       rooms that may be published to; without it, the same as --rooms and --subscribe
  --info JSON         what other members are shown, at most 1 KiB
  --scope "A B"       what the token may do over REST, such as presence:read
  --life SECONDS      how long it is valid; 86400 if not given
`

runCommand(HELP, () => {
  const { values } = parseArgs({
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
  if (values.sub === undefined) throw new UsageError('--sub is missing')
  if (!/^[1-9]\d{0,9}$/.test(values.life)) throw new CommandError('--life is a number of seconds')
  const rooms = list(values.rooms)
  const subscribe = list(values.subscribe)
  const claims = {
    sub: values.sub,
    rooms,
    can: { subscribe, publish: values.publish === undefined ? [...rooms, ...subscribe] : list(values.publish) },
    ...values.info !== undefined && { info: parseInfo(values.info) },
    ...values.scope !== undefined && { scope: values.scope }
  }
  parseClaims(claims)
  process.stdout.write(`${signToken(claims, signingSettings(), Number(values.life))}\n`)
})

function list (text: string | undefined): string[] {
  return text?.split(',').filter(item => item !== '') ?? []
}

function parseInfo (json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new CommandError('--info is not JSON', { cause })
  }
}
