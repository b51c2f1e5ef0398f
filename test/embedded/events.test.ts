import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import type { Realtime } from '../../src/app.ts'
import { connect, connectRefused, type TestClient } from '../helpers/client.ts'
import { Inbox } from '../helpers/inbox.ts'
import { randomPrefix } from '../helpers/redis-backend.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { startHost } from './host.ts'

interface Heard { readonly name: 'connect' | 'disconnect', readonly event: unknown }

/** What a host hears, in order. */
function listenTo (realtime: Realtime): Inbox<Heard> {
  const heard = new Inbox<Heard>()
  realtime.on('connect', event => { heard.push({ name: 'connect', event }) })
  realtime.on('disconnect', event => { heard.push({ name: 'disconnect', event }) })
  return heard
}

t.test('connect and disconnect tell who came and went, and how', async t => {
  const { app, wsUrl } = await startHost(t, { jwtSecret: JWT_SECRET })
  const heard = listenTo(app.realtime)
  await connectRefused(t, { url: wsUrl })

  const ends = [
    { code: 1000, reason: '', end: (client: TestClient) => client.close() },
    { code: 3001, reason: 'lunch', end: (client: TestClient) => { client.socket.close(3001, 'lunch'); return client.closed } },
    { code: 1006, reason: '', end: (client: TestClient) => client.reset() },
    { code: 4400, reason: 'bad frames', end: (client: TestClient) => { client.send('not JSON'); return client.closed } },
    { code: 1001, reason: 'going away', end: () => app.close() }
  ]
  for (const { code, reason, end } of ends) {
    const client = await connect(t, { url: wsUrl, token: memberToken('alice') })
    const who = { connectionId: client.connectionId, userId: 'alice' }
    t.same(await heard.next('connect'), { name: 'connect', event: who })
    await end(client)
    t.same(await heard.next('disconnect'), { name: 'disconnect', event: { ...who, code, reason } })
  }
  t.same(heard.drain(), [], 'each once, and nothing of who was refused')
})

t.test('a listener that throws harms neither connections nor other listeners', async t => {
  const { app, wsUrl, logs } = await startHost(t, { jwtSecret: JWT_SECRET })
  const throwing = () => { throw new Error('a listener\'s fault') }
  for (const name of ['connect', 'disconnect'] as const) app.realtime.on(name, throwing)
  const heard = listenTo(app.realtime)

  const alice = await connect(t, { url: wsUrl, token: memberToken('alice') })
  const bob = await connect(t, { url: wsUrl, token: memberToken('bob') })
  await alice.subscribe('lobby')
  await bob.publish('lobby', 'hello')
  t.match(await alice.inbox.next('the publication'), { type: 'message', data: 'hello' })
  await bob.close()
  t.match([await heard.next('connect'), await heard.next('connect'), await heard.next('disconnect')], [
    { name: 'connect', event: { userId: 'alice' } }, { name: 'connect', event: { userId: 'bob' } }, { name: 'disconnect', event: { userId: 'bob' } }
  ])
  await alice.ping()
  t.equal(await app.presence.isOnline('bob'), false, 'what follows a disconnect is done')
  t.match(logs.join(''), 'a listener\'s fault', 'the log has the fault')
})

t.test('who ends before its welcome neither came nor went', async t => {
  const redis = await startRedis(t)
  const { app, wsUrl } = await startHost(t, { jwtSecret: JWT_SECRET, redisUrl: redis.url, keyPrefix: randomPrefix() })
  const heard = listenTo(app.realtime)
  redis.pause()
  const hasty = new WebSocket(wsUrl, 'roomcast.v1', { headers: { authorization: `Bearer ${memberToken('hasty')}` } })
  await once(hasty, 'open')
  t.equal(app.realtime.connectionCount, 1)
  hasty.terminate()
  await until('connections', 0, () => app.realtime.connectionCount)
  redis.resume()

  const alice = await connect(t, { url: wsUrl, token: memberToken('alice') })
  await alice.close()
  t.match([await heard.next('connect'), await heard.next('disconnect')], [
    { name: 'connect', event: { userId: 'alice' } }, { name: 'disconnect', event: { userId: 'alice' } }
  ])
})

t.test('a listener that was taken off hears nothing more', async t => {
  const { app, wsUrl } = await startHost(t, { jwtSecret: JWT_SECRET })
  const taken: string[] = []
  const listener = ({ userId }: { userId: string }) => { taken.push(userId) }
  t.equal(app.realtime.on('connect', listener), app.realtime)
  await connect(t, { url: wsUrl, token: memberToken('alice') })
  app.realtime.off('connect', listener)
  const heard = listenTo(app.realtime)
  await connect(t, { url: wsUrl, token: memberToken('bob') })
  await heard.next('connect')
  t.same(taken, ['alice'])
})

t.test('an async listener that rejects is logged, and does not end the process', async t => {
  const { app, wsUrl, logs } = await startHost(t, { jwtSecret: JWT_SECRET })
  app.realtime.on('connect', async () => { throw new Error('a late listener\'s fault') })
  const alice = await connect(t, { url: wsUrl, token: memberToken('alice') })
  await alice.ping()
  t.match(logs.join(''), 'a late listener\'s fault')
})
