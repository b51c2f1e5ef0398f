import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { inspect } from 'node:util'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { roomcast, type RoomcastOptions } from '../../src/app.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { createHost, refusal } from './host.ts'

/** How long the close of a host may take whose start was refused. */
const CLOSE_MS = 1_500
const START_MS = 5_000
const PASSWORD = 'a-password-that-nobody-may-read'

/** Closes what did not start, and fails if that takes long. */
async function closePromptly (t: Test, app: FastifyInstance): Promise<void> {
  const since = performance.now()
  await app.close()
  const ms = Math.round(performance.now() - since)
  t.ok(ms < CLOSE_MS, `it closed in ${ms} ms`)
}

t.test('a second registration is refused in one sentence', async t => {
  for (const order of ['at once', 'after the start of the first', 'in a scope below'] as const) {
    const app = createHost(t)
    await app.register(roomcast, {})
    const error = await refusal(async () => {
      if (order === 'in a scope below') await app.register(async scope => { await scope.register(roomcast, { prefix: '/again' }) })
      else await app.register(roomcast, { prefix: '/again' })
      await app.ready()
    })
    t.match(error.message, /^Roomcast needs .+ has already: register Roomcast once\b[^.\n]*$/, order)
    await closePromptly(t, app)
  }
})

t.test('two in scopes side by side are refused in one sentence, too', async t => {
  const app = createHost(t)
  const error = await refusal(async () => {
    await app.register(async scope => { await scope.register(roomcast, { prefix: '/a' }) })
    await app.register(async scope => { await scope.register(roomcast, { prefix: '/b' }) })
    await app.ready()
  })
  t.match(error.message, /^[^.\n]*Roomcast[^.\n]*$/)
  await closePromptly(t, app)
})

t.test('a host whose parameters are cut short is told what to set', async t => {
  for (const routerOptions of [{}, { maxParamLength: 599 }]) {
    const app: FastifyInstance = Fastify({ routerOptions })
    const error = await refusal(async () => { await app.register(roomcast, {}) })
    t.match(error.message, /^Roomcast needs Fastify\(\{ routerOptions: \{ maxParamLength: 600 \} \}\) or more: [^.\n]+$/)
    await closePromptly(t, app)
  }
  const app: FastifyInstance = Fastify({ routerOptions: { maxParamLength: 601 } })
  t.after(() => app.close())
  await app.register(roomcast, {})
  await app.ready()
})

t.test('wrong options are refused by their names, and secrets are not repeated', async t => {
  const wrong: Array<[option: string, options: Record<string, unknown>, ...secrets: string[]]> = [
    ['apiKeys', { apiKeys: [{ name: 'backend', key: PASSWORD.slice(0, 31) }] }, PASSWORD.slice(0, 31)],
    ['apiKeys', { apiKeys: [{ name: 'backend', key: 'k'.repeat(32), scopes: ['publish', 'everything'] }] }, 'k'.repeat(32)],
    ['apiKeys', { apiKeys: { backend: PASSWORD } }, PASSWORD],
    ['heartbeatMs', { heartbeatMs: 5_000, leaseMs: 10_000 }],
    ['heartbeatMs', { heartbeatMs: '3000' }],
    ['leaseMs', { leaseMs: 1.5 }],
    ['colour', { colour: 'red' }],
    ['redisURL', { redisURL: 'redis://127.0.0.1' }],
    ['redisUrl', { redisUrl: `http://:${PASSWORD}@127.0.0.1` }, PASSWORD],
    ['redisUrl', { redisUrl: '' }],
    ['redisUrl', { redisUrl: `redis://:${PASSWORD}@127.0.0.1:99999` }, PASSWORD],
    ['redisUrl', { redisUrl: `redis://:%zz${PASSWORD}@127.0.0.1` }, PASSWORD],
    ['jwtSecret', { jwtSecret: PASSWORD.slice(0, 31) }, PASSWORD.slice(0, 31)],
    ['jwtAlgorithm', { jwtAlgorithm: 'none' }],
    ['keyPrefix', { keyPrefix: 'a{b}' }],
    ['allowedOrigins', { allowedOrigins: ['example.com'] }],
    ['corsOrigins', { corsOrigins: ['*'] }],
    ['health', { health: 'yes' }],
    ['authenticate', { authenticate: 'yes' }],
    ['authorize', { authorize: true }],
    ['onPublish', { onPublish: {} }]
  ]
  for (const [option, options, ...secrets] of wrong) {
    await t.test(inspect(options, { breakLength: Infinity }), async t => {
      const app = createHost(t)
      const error = await refusal(async () => { await app.register(roomcast, options as RoomcastOptions); await app.ready() })
      t.match(error.message, new RegExp(`^${option}: .+`), error.message)
      for (const secret of secrets) t.notMatch(inspect(error), secret)
      await closePromptly(t, app)
    })
  }
})

t.test('a Redis that cannot be used is refused in time, by host and port, and never by its password', async t => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => { silent.close() })
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port: gonePort } = gone.address() as AddressInfo
  gone.close()
  const guarded = await startRedis(t)
  // Through the server's own connection, which stays authenticated.
  await guarded.command('CONFIG', 'SET', 'requirepass', 'another')

  const ports = { 'that is not there': gonePort, 'that never answers': (silent.address() as AddressInfo).port, 'with another password': guarded.port }
  for (const [what, port] of Object.entries(ports)) {
    await t.test(`one ${what}`, async t => {
      const logs: string[] = []
      const app = createHost(t, logs)
      const since = performance.now()
      const error = await refusal(async () => {
        await app.register(roomcast, { redisUrl: `redis://someone:${PASSWORD}@127.0.0.1:${port}` })
        await app.ready()
      })
      const ms = Math.round(performance.now() - since)
      t.ok(ms < START_MS, `it was refused after ${ms} ms`)
      t.match(error.message, `127.0.0.1:${port}`)
      t.notMatch(error.message, /\n/)
      t.notMatch(inspect(error, { depth: Infinity, showHidden: true }), PASSWORD, 'not in the error')
      t.notMatch(logs.join(''), PASSWORD, 'not in the log')
      await closePromptly(t, app)
    })
  }
})

t.test('a start that is refused after Redis was reached leaves no connection and no lease', async t => {
  const redis = await startRedis(t)
  const app: FastifyInstance = createHost(t)
  app.addHook('onReady', async () => { throw new Error('the host changed its mind') })
  const error = await refusal(async () => {
    await app.register(roomcast, { redisUrl: redis.url, keyPrefix: 'refused' })
    await app.ready()
  })
  t.equal(error.message, 'the host changed its mind')
  t.match(await redis.command('CLIENT', 'LIST'), 'roomcast-publisher', 'it was connected')
  await closePromptly(t, app)
  t.notMatch(await redis.command('CLIENT', 'LIST'), 'roomcast-')
  t.same(await redis.command('PUBSUB', 'CHANNELS'), [])
  t.same(await redis.command('KEYS', '*'), ['refused:{r:$control}:end'], 'but the numbering of the room in which nodes talk')
})
