// Roomcast inside a Fastify app that you already have: `node dist/examples/embedded.js`
import Fastify from 'fastify'
import { roomcast } from '../src/app.ts'

const app = Fastify({ logger: { level: 'warn' }, routerOptions: { maxParamLength: 600 } })

await app.register(roomcast, {
  prefix: '/realtime',
  apiKeys: [{ name: 'example', key: 'an-example-key-of-at-least-32-characters' }],
  // Your own sessions, instead of Roomcast's tokens. A throw refuses the connection.
  authenticate: request => {
    const { user } = request.query as { user?: string }
    if (user === undefined) throw new Error('who are you?')
    return { sub: user, info: { name: user.toUpperCase() } }
  },
  authorize: ({ claims, action, room }) => action === 'subscribe' || room === `notes:${claims.sub}`,
  onPublish: ({ data }) => data === 'spam' ? 'refuse' : 'accept'
})

app.realtime.on('connect', ({ userId }) => { process.stdout.write(`${userId} connected\n`) })
app.realtime.on('disconnect', ({ userId, code }) => { process.stdout.write(`${userId} disconnected (${code})\n`) })

// Your own route, which reaches people by Roomcast and asks it who is there.
app.post<{ Params: { user: string } }>('/orders/:user', async ({ params: { user } }) => {
  await app.realtime.publish({ user }, { type: 'order.placed', at: Date.now() })
  return { wasOnline: await app.presence.isOnline(user) }
})

const address = await app.listen({ port: Number(process.argv[2] ?? 3000) })
process.stdout.write(`listening at ${address}\n`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { app.close() })
