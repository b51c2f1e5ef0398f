import type { EventEmitter } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { startHost, type Host } from './host.ts'

const CYCLES = 1_000
/** Until everything that is made once was made. */
const WARM_UP = 300
const LANES = 20
const RETURN_MS = 10_000

/** The garbage collector, on demand. */
const collect = ((): () => void => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

const redis = await startRedis(t)
/** What the host logs is memory of the test's own. */
const logs: string[] = []
const host = await startHost(t, { jwtSecret: JWT_SECRET, redisUrl: redis.url, health: true }, logs)
const warnings: string[] = []
process.on('warning', ({ name, message }) => { warnings.push(`${name}: ${message}`) })

/** How many listeners stand on all that outlives a connection, by emitter and event. */
function listeners ({ app }: Host): Record<string, number> {
  const { publisher, subscriber, server } = app
  const emitters: Record<string, EventEmitter | null> = { publisher, subscriber, server, process }
  return Object.fromEntries(Object.entries(emitters).flatMap(([name, emitter]) =>
    (emitter?.eventNames() ?? []).map(event => [`${name} ${String(event)}`, emitter?.listenerCount(event) ?? 0])))
}

function join (scope: Pick<Test, 'after'>, sub: string): Promise<TestClient> {
  return connect(scope, { url: host.wsUrl, token: memberToken(sub) })
}

/** Connects, subscribes to a room of its own and to one with others, and closes, so many times. */
async function come (count: number): Promise<void> {
  await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
    for (let index = lane; index < count; index += LANES) {
      const letGo: Array<() => unknown> = []
      const client = await join({ after: (fn: () => unknown) => { letGo.push(fn) } } as Pick<Test, 'after'>, `user-${lane}`)
      await Promise.all([client.subscribe('shared'), client.subscribe(`own-${lane}`)])
      await client.close()
      for (const fn of letGo) fn()
    }
  }))
}

/** What is in use, when all that can be freed is. */
async function heap (): Promise<number> {
  await until('the end of all connections', 0, () => host.app.realtime.connectionCount)
  logs.length = 0
  collect()
  return process.memoryUsage().heapUsed
}

// socketio/socket.io#1303: a listener per connection on what all of them share.
t.test(`P25: after ${CYCLES} connections that came, subscribed and went there is no more in memory than before, and no listener`, async t => {
  await come(WARM_UP)
  const [before, bytes] = [listeners(host), await heap()]
  await come(CYCLES)
  await until('the listeners', before, () => listeners(host))
  await until('the heap', true, async () => await heap() <= 1.1 * bytes)
  t.comment(`${Math.round(bytes / 1_024)} KB before, ${Math.round(await heap() / 1_024)} KB after`)
  await until('the channels of rooms', ['roomcast@0:{r:$control}:live'], () => redis.command('PUBSUB', 'CHANNELS', '*{r:*'))
  t.same(warnings.filter(warning => warning.startsWith('MaxListeners')), [])
})

// capriza/node-busmq#48: another message listener per reconnect.
t.test('P24: after three restarts of Redis what is published arrives once, and nobody listens twice', async t => {
  const alice = await join(t, 'alice')
  await alice.subscribe('lobby')
  const before = listeners(host)
  t.equal(before['subscriber messageBuffer'], 1)
  for (let restart = 1; restart <= 3; restart++) {
    await redis.restart({ empty: true })
    await until('readiness', 200, async () => (await fetch(host.wsUrl.replace('ws', 'http').replace(/ws$/, 'ready'))).status, RETURN_MS)
    await until('the listeners', before, () => listeners(host))
  }
  await host.app.realtime.publish({ room: 'lobby' }, 'once')
  await host.app.realtime.publish({ everyone: true }, 'barrier')
  const received: unknown[] = []
  while (received.at(-1) !== 'barrier') {
    const frame = await alice.inbox.next('the barrier')
    if (frame.type === 'message') received.push(frame.data)
  }
  await alice.ping()
  t.same([received, alice.inbox.drain()], [['once', 'barrier'], []])
  await alice.close()
})

t.end()
