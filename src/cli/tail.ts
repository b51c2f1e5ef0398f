import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { PROTOCOL } from '../core/frames.ts'
import { developmentCredentials, signToken } from '../development.ts'
import { loadEnvironmentFile, readEnvironment } from '../environment.ts'

const HELP = `Connects to a running Roomcast and prints every frame that arrives, one a line, until Ctrl-C.

  npm run -s tail -- --sub alice --room lobby

  --room NAME     the room to listen to; lobby if not given
  --sub ID        as which user; ignored with --token
  --token TOKEN   connect with this token instead of one made here
  --url URL       where Roomcast is; http://127.0.0.1:3000 if not given
`

const { values } = parseArgs({
  options: {
    room: { type: 'string', default: 'lobby' },
    sub: { type: 'string', default: 'tail' },
    token: { type: 'string' },
    url: { type: 'string', default: 'http://127.0.0.1:3000' },
    help: { type: 'boolean', default: false }
  }
})

if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const webSocket = new WebSocket(`${values.url.replace(/^http/, 'ws').replace(/\/$/, '')}/ws`, PROTOCOL, {
  headers: { authorization: `Bearer ${values.token ?? makeToken(values.sub, values.room)}` }
})
webSocket.on('open', () => { webSocket.send(JSON.stringify({ type: 'subscribe', id: 'tail', room: values.room })) })
webSocket.on('message', frame => { process.stdout.write(`${String(frame)}\n`) })
webSocket.on('close', (code, reason) => { process.stderr.write(`closed: ${code} ${reason.toString()}\n`) })
webSocket.on('error', error => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})

function makeToken (sub: string, room: string): string {
  loadEnvironmentFile()
  const { settings: { jwtSecret, jwtAlgorithm } } = readEnvironment(process.env)
  return signToken({ sub, rooms: [room] }, jwtSecret ?? developmentCredentials().jwtSecret, jwtAlgorithm, 3_600)
}
