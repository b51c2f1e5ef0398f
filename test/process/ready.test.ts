import Fastify from 'fastify'
import t, { type Test } from 'tap'
import websocket from '../../plugins/websocket.ts'
import wsRoutes from '../../routes/ws.ts'
import { connect } from '../helpers/client.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { freePort } from '../helpers/free-port.ts'
import { launchServer, type Environment } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const START_MS = 15_000
/** One second is promised; the rest is for a busy machine. */
const WELCOME_MS = 2_500

/** Starts the process and asks for its readiness from the first moment on; then connects. */
async function connectWhenReady (t: Test, env: Environment): Promise<void> {
  const port = await freePort()
  await launchServer(t, { name: 'single', env: { ...env, PORT: `${port}` } })
  const statuses = new Set<number>()
  await until('readiness', 200, async () => {
    const status = await fetch(`http://127.0.0.1:${port}/ready`).then(answer => answer.status, () => 0)
    statuses.add(status)
    return status
  }, START_MS)
  t.notOk(statuses.has(404), 'it listens when everything is there')
  const since = performance.now()
  const alice = await connect(t, { url: `ws://127.0.0.1:${port}/ws`, token: memberToken('alice') })
  const ms = Math.round(performance.now() - since)
  t.ok(ms < WELCOME_MS, `welcomed after ${ms} ms`)
  t.match(await alice.subscribe('lobby'), { type: 'subscribed' })
}

// fastify/fastify-websocket#250: a route that was declared before the plugin was an ordinary one, and upgrades hung.
t.test('P11: once the process says that it is ready a client is welcomed', async t => {
  await connectWhenReady(t, {})
})

t.test('P11: so it is where Redis takes its time at the start', async t => {
  const redis = await startRedis(t)
  await redis.command('CLIENT', 'PAUSE', '1500', 'ALL')
  await connectWhenReady(t, { REDIS_URL: redis.url })
})

t.test('P11: a part without what it needs ends the start', async t => {
  for (const [part, needs] of [[wsRoutes, /roomcastSettings|undefined/], [websocket, /roomcast-\w+/]] as const) {
    const app = Fastify()
    t.after(() => app.close())
    await t.rejects(async () => { await app.register(part); await app.ready() }, { message: needs })
  }
})
