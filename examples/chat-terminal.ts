// The same chat from a terminal: `npm run -s example:terminal -- NAME`, while `npm run example:chat` runs. Ctrl+D leaves.
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
// In your own program: 'roomcast/client'.
import { RoomcastClient, type ClientError } from '../client/index.ts'

const [name = 'terminal', url = 'http://127.0.0.1:8080'] = process.argv.slice(2)

const say = (text: string): void => { process.stdout.write(`${text}\n`) }

/** Called before every attempt to connect, and again before the token expires. */
async function getToken (): Promise<string> {
  const answer = await fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name })
  })
  if (!answer.ok) throw new Error(`the login answered ${answer.status}`)
  const { token } = await answer.json() as { token: string }
  return token
}

// Browsers and Node 22 have a WebSocket of their own; Node 20 is given one.
const client = new RoomcastClient({ url: `${url}/ws`, getToken, WebSocket })
const room = client.room<{ readonly text: string }>('chat')

// Listen first, then connect: nothing comes too early. All this stays as it is over every reconnect.
client.on('state', state => { say(`* the connection is ${state}`) })
client.on('error', ({ message }) => { say(`* ${message}`) })
room.on('message', ({ data, from }) => { say(`${from?.userId ?? 'the backend'}: ${data.text}`) })
room.on('join', ({ userId }) => { say(`* ${userId} came`) })
room.on('leave', ({ userId }) => { say(`* ${userId} left`) })
room.on('recovered', count => { say(`* nothing was missed; ${count} came late`) })
// Too much or too long ago: what was missed is not kept any more. Load it from where you keep it.
room.on('gap', () => { say('* some messages were missed') })

client.connect()
await room.subscribe({ presence: true })
say(`* here: ${room.members.map(({ userId }) => userId).join(', ')}`)

for await (const text of createInterface({ input: process.stdin })) {
  // Without a connection it waits for one, but not for ever.
  await room.publish({ text }).catch((error: ClientError) => { say(`* "${text}" was not sent: ${error.message}`) })
}
client.close()
