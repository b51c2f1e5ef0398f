// A chat: its page, its login, and Roomcast, in one Fastify app. `npm run example:chat`, then open the address in two windows.
import { createReadStream, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import { roomcast } from '../src/app.ts'
import { developmentCredentials } from '../src/development.ts'

const PAGE = fileURLToPath(new URL('../../examples/chat-page.html', import.meta.url))
const LIBRARY = fileURLToPath(new URL('../client/', import.meta.url))

// A secret for this machine only; yours would come from the environment.
const { jwtSecret } = developmentCredentials()

const app = Fastify({ logger: { level: 'warn' }, routerOptions: { maxParamLength: 600 } })
await app.register(roomcast, { jwtSecret })
await app.register(jwt, { secret: jwtSecret })

// Yours would ask for a password, or look at a session. Who passes gets a token that says who it is, what it may do, and until when.
app.post<{ Body: { name: string } }>('/login', {
  schema: { body: { type: 'object', required: ['name'], properties: { name: { type: 'string', pattern: '^\\P{Cc}{1,32}$' } } } }
}, async ({ body: { name } }) => {
  const can = { subscribe: ['chat'], publish: ['chat'] }
  return { token: app.jwt.sign({ sub: name, can }, { expiresIn: '5 min' }) }
})

app.get('/', (_request, reply) => reply.type('text/html').send(createReadStream(PAGE)))

// A bundler would put the library into your page; without one, the page loads it file by file.
for (const file of readdirSync(LIBRARY).filter(name => name.endsWith('.js'))) {
  app.get(`/client/${file}`, (_request, reply) => reply.type('text/javascript').send(createReadStream(LIBRARY + file)))
}

const address = await app.listen({ host: '127.0.0.1', port: Number(process.argv[2] ?? 8080) })
process.stdout.write(`the chat is at ${address}\n`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { app.close() })
