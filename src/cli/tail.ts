import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { PROTOCOL } from '../core/frames.ts'
import { signToken } from '../development.ts'
import { CommandError, runCommand, signingSettings } from './command.ts'

const HELP = `Connects to a running Roomcast and prints every frame that arrives, one a line, until Ctrl-C.

  npm run -s tail -- --sub alice --room lobby

  --room NAME     the room to listen to; lobby if not given
  --sub ID        as which user; tail if not given, ignored with --token
  --token TOKEN   connect with this token instead of one made here
  --url URL       where Roomcast is; http://127.0.0.1:3000 if not given
`

/** How long the token that is made here is valid, in seconds. */
const TOKEN_LIFE_S = 3_600

runCommand(HELP, () => {
  const { values: { room, sub, token, url } } = parseArgs({
    options: {
      room: { type: 'string', default: 'lobby' },
      sub: { type: 'string', default: 'tail' },
      token: { type: 'string' },
      url: { type: 'string', default: 'http://127.0.0.1:3000' }
    }
  })
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw new CommandError(`--url is not an http or https URL: ${url}`)
  listen(url, token ?? signToken({ sub, rooms: [room] }, signingSettings(), TOKEN_LIFE_S), room)
})

function listen (url: string, token: string, room: string): void {
  const webSocket = new WebSocket(`${url.replace(/^http/, 'ws').replace(/\/$/, '')}/ws`, PROTOCOL, { headers: { authorization: `Bearer ${token}` } })
  webSocket.on('open', () => { webSocket.send(JSON.stringify({ type: 'subscribe', id: 'tail', room })) })
  webSocket.on('message', frame => { process.stdout.write(`${String(frame)}\n`) })
  webSocket.on('close', (code, reason) => { process.stderr.write(`closed: ${code} ${reason.toString()}\n`) })
  webSocket.on('error', error => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
}
