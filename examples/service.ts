// A backend and a client of a Roomcast that runs as a service: `node dist/examples/service.js URL TOKEN API_KEY`
import { WebSocket } from 'ws'

const [url = 'http://127.0.0.1:3000', token = '', apiKey = ''] = process.argv.slice(2)

// The client: connects with its token, and is in the rooms that the token names from its welcome on.
const client = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, ['roomcast.v1', `bearer.${token}`])
client.on('message', bytes => {
  const frame = JSON.parse(String(bytes)) as { type: string, userId?: string, data?: unknown }
  process.stdout.write(`client got ${frame.type} ${JSON.stringify(frame.data ?? frame.userId)}\n`)
  if (frame.type === 'welcome' && frame.userId !== undefined) talkTo(frame.userId)
  if (frame.type === 'message') client.close(1000)
})

// The backend: one POST reaches every connection of a user, on whatever node; one GET says whether there is any.
async function talkTo (user: string): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}` }
  const presence = await fetch(`${url}/presence/${encodeURIComponent(user)}`, { headers })
  process.stdout.write(`backend asked who is online: ${presence.status} ${await presence.text()}\n`)
  const published = await fetch(`${url}/publish`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ user, data: `hello ${user}` })
  })
  process.stdout.write(`backend published: ${published.status} ${await published.text()}\n`)
}
