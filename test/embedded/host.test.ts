import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { roomcast, type RoomcastOptions } from '../../src/app.ts'
import { connect, connectRefused } from '../helpers/client.ts'
import { randomPrefix } from '../helpers/redis-backend.ts'
import { startRedis } from '../helpers/redis-server.ts'
import { API_KEY, withKey } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { createHost, furnish, listen, namesOf, PREFIX } from './host.ts'

const orders = ['before', 'after'] as const
const backends = ['memory', 'redis'] as const

for (const order of orders) {
  for (const backend of backends) {
    t.test(`what a host has, registered ${order} Roomcast on ${backend}`, async t => {
      const redis = await startRedis(t)
      const redisUrl = redis.url
      const options: RoomcastOptions = {
        prefix: PREFIX,
        jwtSecret: JWT_SECRET,
        apiKeys: [{ name: 'tests', key: API_KEY }],
        keyPrefix: randomPrefix(),
        ...backend === 'redis' && { redisUrl }
      }
      const logs: string[] = []
      const app = createHost(t, logs)
      if (order === 'before') await furnish(app, { redisUrl })
      await app.register(roomcast, options)
      if (order === 'after') await furnish(app, { redisUrl })
      app.get('/late', async () => { throw new Error('the host broke late') })
      const { url, wsUrl } = await listen(app)

      await t.test('the host signs and verifies its own tokens, and neither takes the other\'s', async t => {
        const { token } = (await app.inject({ method: 'POST', url: '/login', payload: { name: 'ann' } })).json<{ token: string }>()
        const me = await app.inject({ url: '/me', headers: withKey(token) })
        t.match(me.json(), { name: 'ann' }, 'request.user is the host\'s payload')
        const stranger = await app.inject({ url: '/me', headers: withKey(memberToken('ann')) })
        t.equal(stranger.statusCode, 401)
        t.match(stranger.json(), { host: 'is sorry' })
        const refusal = await connectRefused(t, { url: wsUrl, token })
        t.match(refusal.body, { statusCode: 401, code: 'unauthorized', error: 'Unauthorized', message: String })
      })

      await t.test('the host\'s Redis is its own', async t => {
        const key = randomUUID()
        await app.inject({ method: 'PUT', url: `/cache/${key}`, payload: { value: 'kept' } })
        t.same((await app.inject(`/cache/${key}`)).json(), { value: 'kept' })
        t.equal(await redis.command('GET', key), 'kept')
        if (backend === 'memory') {
          t.equal(app.publisher, null)
          t.equal(app.subscriber, null)
        } else {
          t.equal(await app.publisher?.ping(), 'PONG')
          t.equal(await app.subscriber?.ping(), 'PONG')
          t.equal(new Set([app.redis, app.publisher, app.subscriber]).size, 3, 'three connections')
        }
      })

      await t.test('the host gets four decorators, and nothing else of Roomcast\'s', async t => {
        const control = createHost(t)
        await furnish(control, { redisUrl })
        await listen(control)
        const added = namesOf(app).filter(name => !namesOf(control).includes(name))
        t.same(added, ['presence', 'publisher', 'realtime', 'subscriber'])
        for (const name of added) t.ok(app.hasDecorator(name), name)
        for (const name of ['websocketServer', 'injectWS', 'roomcast', 'roomcastNode']) t.notOk(app.hasDecorator(name), name)
        t.same(namesOf(app.jwt), namesOf(control.jwt))
        t.same(namesOf(app.redis), namesOf(control.redis))
        t.same((await app.inject('/names')).json(), (await control.inject('/names')).json(), 'requests and replies look the same')
      })

      await t.test('each has its own errors', async t => {
        const broken = await app.inject('/broken')
        t.equal(broken.statusCode, 500)
        t.same(broken.json(), { host: 'is sorry', because: 'the host broke' })
        t.same((await app.inject('/late')).json(), { host: 'is sorry', because: 'the host broke late' })
        const nowhere = await app.inject('/nowhere')
        t.equal(nowhere.statusCode, 404)
        t.same(nowhere.json(), { host: 'knows nothing of it' })
        const anonymous = await app.inject(`${PREFIX}/presence/alice`)
        t.equal(anonymous.statusCode, 401)
        t.same(anonymous.json(), {
          statusCode: 401, code: 'unauthorized', error: 'Unauthorized', message: 'A valid token or API key is required'
        })
      })

      await t.test('each validates in its own way', async t => {
        const post = (payload: object) => app.inject({ method: 'POST', url: '/orders', payload })
        t.same((await post({ count: '5', extra: true })).json(), { count: 5 }, 'the host coerces and drops, as Fastify does by default')
        const refused = await post({ count: 'five' })
        t.equal(refused.statusCode, 400)
        t.match(refused.json(), { host: 'is sorry', because: /count must be integer/ })
        const publish = (payload: object) => app.inject({ method: 'POST', url: `${PREFIX}/publish`, headers: withKey(API_KEY), payload })
        for (const payload of [{ room: 5, data: 1 }, { room: 'lobby', data: 1, extra: true }, { room: null, data: 1 }]) {
          const answer = await publish(payload)
          t.equal(answer.statusCode, 400, JSON.stringify(payload))
          t.match(answer.json(), { statusCode: 400, code: 'request_invalid', error: 'Bad Request', message: /^body/ })
        }
      })

      await t.test('the host\'s OpenAPI describes the host', async t => {
        const document = app.swagger()
        t.match(document, { info: { title: 'The host', version: '7' } })
        t.match(document.paths?.['/orders'], { post: { summary: 'Order something', requestBody: Object } })
        t.notOk(document.paths?.['/docs/json'])
      })

      await t.test('a client gets what a backend and what the host publish, and is seen online', async t => {
        const sub = `bob-${randomUUID()}`
        t.equal(await app.presence.isOnline(sub), false)
        const bob = await connect(t, { url: wsUrl, token: memberToken(sub, { rooms: ['lobby'] }) })
        const published = await app.inject({
          method: 'POST', url: `${PREFIX}/publish`, headers: withKey(API_KEY), payload: { room: 'lobby', data: { n: 1 } }
        })
        t.equal(published.statusCode, 200)
        t.match(await bob.inbox.next('what the backend published'), { type: 'message', room: 'lobby', data: { n: 1 } })
        const shipped = await app.inject({ method: 'POST', url: `/orders/${sub}/ship` })
        t.match(shipped.json(), { wasOnline: true, publications: [{ user: sub, offset: 1 }] })
        t.match(await bob.inbox.next('what the host published'), { type: 'message', room: `$user:${sub}`, data: { shipped: true } })

        const presence = await app.inject({ url: `${PREFIX}/presence/${sub}`, headers: withKey(API_KEY) })
        t.match(presence.json(), { userId: sub, online: true, connections: [{ connectionId: bob.connectionId, transport: 'websocket' }] })
        t.equal(await app.presence.isOnline(sub), true)
        t.equal(app.realtime.connectionCount, 1)
        await bob.close()
      })

      await t.test('an upgrade on a route of the host is answered by the host, as plain HTTP', async t => {
        t.match(await connectRefused(t, { url: `${url.replace('http', 'ws')}/broken` }), { status: 500, body: { host: 'is sorry' } })
        t.match(await connectRefused(t, { url: `${url.replace('http', 'ws')}/orders` }), { status: 404, body: { host: 'knows nothing of it' } })
        t.match(await connectRefused(t, { url: wsUrl.replace('/ws', '/presence/alice') }), { status: 404, body: { code: 'not_found' } }, 'and on ours by us')
      })

      await t.test('health and docs are not served unless they are opted into', async t => {
        for (const path of ['/live', '/ready', '/docs', '/docs/json']) {
          t.same((await app.inject(PREFIX + path)).json(), { host: 'knows nothing of it' }, path)
        }
      })

      await t.test('the host logs as it did, and no token of ours', async t => {
        const token = memberToken('carol')
        await connect(t, { url: wsUrl, token, via: 'query' })
        await app.inject('/broken?page=3')
        t.match(logs.join(''), '/broken?page=3')
        t.match(logs.join(''), `"path":"${PREFIX}/ws"`)
        t.notMatch(logs.join(''), token)
      })

      await t.test('the host closes with its clients told', async t => {
        const dave = await connect(t, { url: wsUrl, token: memberToken('dave') })
        const disconnected = once(app.redis, 'end')
        await app.close()
        t.same(await dave.closed, { code: 1001, reason: 'going away' })
        await disconnected
      })
    })
  }
}

t.test('health and docs are served by a host that opts in, beside OpenAPI of its own', async t => {
  const { url: redisUrl } = await startRedis(t)
  for (const order of orders) {
    const app = createHost(t)
    if (order === 'before') await furnish(app, { redisUrl })
    await app.register(roomcast, { prefix: PREFIX, health: true, docs: true, jwtSecret: JWT_SECRET })
    if (order === 'after') await furnish(app, { redisUrl })
    await app.ready()
    for (const path of ['/live', '/ready']) t.same((await app.inject(PREFIX + path)).json(), { status: 'ok' }, path)
    const ours = (await app.inject(`${PREFIX}/docs/json`)).json<{ info: object, paths: object }>()
    t.match(ours, { info: { title: 'Roomcast' } })
    const paths = ['connections/{connectionId}', 'live', 'nodes', 'presence/query', 'presence/{userId}', 'publish', 'publish/batch', 'ready', 'revocations', 'rooms', 'rooms/{room}/history', 'rooms/{room}/members/{userId}', 'rooms/{room}/occupancy', 'rooms/{room}/presence',
      'users/{userId}/connections', 'ws']
    t.same(Object.keys(ours.paths).sort(), paths.map(path => `${PREFIX}/${path}`))
    t.equal((await app.inject(`${PREFIX}/docs`)).statusCode, 200)
    t.match(app.swagger(), { info: { title: 'The host' } })
  }
})
