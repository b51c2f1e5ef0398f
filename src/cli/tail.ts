import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { ClientError, RoomcastClient, type RoomHandle } from '../../client/index.ts'
import { closeCodes } from '../core/close-codes.ts'
import { signToken } from '../development.ts'
import { askServer, refused } from './ask-server.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { serverUrl, signingSettings } from './local-settings.ts'
import { assertClaims } from './token.ts'

const HELP = `Connects by the client library and prints what is published in a room, to its user and to everyone, one JSON a line,
until Ctrl-C. After a lost connection it goes on where it was: each publication comes once, in order; where that cannot be, a
line says "gap". What becomes of the connection is told on stderr. Where it is closed for good the exit code is 1.

  roomcast tail [ROOM] [options]

  ROOM            the room to listen to; lobby if not given, --room ROOM does the same
  --presence      who is in the room, who joins and who leaves, too
  --sub ID        as which user; tail if not given, ignored with --token
  --token TOKEN   connect with this token instead of one made here
  --url URL       where Roomcast is; where the server of this folder listens if not given (HOST, PORT): http://127.0.0.1:3000

Examples:

  roomcast tail lobby
  roomcast tail chat:42 --sub alice --presence
  roomcast tail lobby | jq --unbuffered 'select(.type == "message").data'
`

/** How long a token that is made here is valid, in seconds; the library asks for another before that. */
const TOKEN_LIFE_S = 3_600

const UPGRADE_REQUIRED = 426

async function run (args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      room: { type: 'string' },
      presence: { type: 'boolean', default: false },
      sub: { type: 'string', default: 'tail' },
      token: { type: 'string' },
      url: { type: 'string' }
    }
  })
  const [room = 'lobby', extra] = [...positionals, ...values.room === undefined ? [] : [values.room]]
  if (extra !== undefined) throw new UsageError('Name one room')
  const { sub, token } = values
  const getToken = token === undefined ? tokenMaker({ sub, rooms: [room] }) : () => token
  const url = serverUrl(values.url)
  const { status, text } = await askServer({ url, path: '/ws', credential: getToken() })
  if (status !== UPGRADE_REQUIRED) throw refused(status, text)
  await listen(new RoomcastClient({ url: `${url}/ws`, getToken, WebSocket }), room, { presence: values.presence })
}

export const tail: Command = { name: 'tail', summary: 'print what is published in a room', help: HELP, run }

function tokenMaker (claims: { sub: string, rooms: string[] }): () => string {
  const settings = signingSettings()
  assertClaims(claims)
  return () => signToken(claims, settings, TOKEN_LIFE_S)
}

/** Resolves on Ctrl-C; rejects where the room is refused or the connection is closed for good. */
function listen (client: RoomcastClient, name: string, options: { readonly presence: boolean }): Promise<void> {
  const room = client.room(name)
  let isFirst = true
  return new Promise((resolve, reject) => {
    client.on('state', (state, error) => {
      note(state === 'open' ? `connected as ${client.userId}` : state === 'waiting' ? 'the connection is lost; coming back' : state)
      if (state === 'open' && isFirst) {
        isFirst = false
        for (const own of [`$user:${client.userId}`, '$all']) printPublications(client.room(own))
      }
      if (state !== 'closed') return
      if (error === undefined) resolve()
      else reject(new CommandError(describe(error)))
    })
    room.on('state', (state, error) => {
      if (state === 'subscribed') print({ type: 'subscribed', room: name, ...room.position })
      if (state !== 'refused') return
      reject(new CommandError(`Not in this room: ${error?.code}: ${error?.message}`))
      client.close()
    })
    printPublications(room)
    if (options.presence) printMembers(room)
    process.once('SIGINT', () => { client.close() })
    client.connect()
    // A refusal is told by the state.
    room.subscribe(options).catch(() => {})
  })
}

function printPublications (room: RoomHandle): void {
  room.on('message', message => { print({ type: 'message', ...message }) })
  room.on('recovered', count => { note(`nothing was missed in ${room.name}; ${count} came late`) })
  room.on('gap', position => { print({ type: 'gap', room: room.name, ...position }) })
}

function printMembers (room: RoomHandle): void {
  room.on('join', member => { print({ type: 'join', room: room.name, member }) })
  room.on('leave', member => { print({ type: 'leave', room: room.name, member }) })
  room.on('state', state => { if (state === 'subscribed') print({ type: 'members', room: room.name, members: room.members }) })
}

/** A line of JSON. What a terminal would obey stands in it as text: JSON itself escapes only what is below a blank. */
function print (value: object): void {
  const json = JSON.stringify(value).replace(/[\u007f-\u009f]/g, control => `\\u00${control.charCodeAt(0).toString(16)}`)
  process.stdout.write(`${json}\n`)
}

function note (text: string): void {
  process.stderr.write(`* ${text}\n`)
}

function describe ({ code, message, closeCode }: ClientError): string {
  if (closeCode === undefined) return `Closed for good: ${code}: ${message}`
  const known = Object.values(closeCodes).find(({ code }) => code === closeCode)
  return `Closed for good by the server: ${closeCode} ${known?.reason ?? ''}`.trimEnd()
}
