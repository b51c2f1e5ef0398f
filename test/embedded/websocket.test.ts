import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { roomcast, websocketOptions } from '../../src/app.ts'
import { connect, connectRefused } from '../helpers/client.ts'
import { Inbox } from '../helpers/inbox.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { createHost, listen, PREFIX, refusal } from './host.ts'

const options = { prefix: PREFIX, jwtSecret: JWT_SECRET }

/** A WebSocket route of the host's own. */
async function addEcho (app: FastifyInstance): Promise<void> {
  await app.register(async scope => {
    scope.get('/echo', { websocket: true }, webSocket => {
      webSocket.on('message', data => { webSocket.send(`echo of ${String(data)}`) })
    })
  })
}

async function openEcho (t: Test, url: string): Promise<WebSocket> {
  const webSocket = new WebSocket(`${url.replace('http', 'ws')}/echo`)
  t.after(() => { webSocket.terminate() })
  await once(webSocket, 'open')
  return webSocket
}

/** The garbage collector, on demand. */
const collect = ((): () => void => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

t.test('nothing of the request remains with a connection that it was upgraded to', async t => {
  const app = createHost(t)
  const requests: Array<WeakRef<object>> = []
  app.addHook('onRequest', async (request, reply) => { requests.push(new WeakRef(request), new WeakRef(request.raw), new WeakRef(reply.raw)) })
  await app.register(roomcast, options)
  const { wsUrl } = await listen(app)
  const alice = await connect(t, { url: wsUrl, token: memberToken('alice') })
  await until('what is left of the request', [], async () => {
    await alice.ping()
    collect()
    return requests.filter(request => request.deref() !== undefined).map(request => request.deref()?.constructor.name)
  })
  t.equal(requests.length, 3)
  await alice.subscribe('lobby')
  await app.realtime.publish({ room: 'lobby' }, 'hello')
  t.match(await alice.inbox.next('the publication'), { data: 'hello' })
})

for (const order of ['before', 'after'] as const) {
  t.test(`a host's @fastify/websocket with our options serves both, its routes added ${order} ours`, async t => {
    const app = createHost(t)
    await app.register(fastifyWebsocket, websocketOptions)
    if (order === 'before') await addEcho(app)
    await app.register(roomcast, options)
    if (order === 'after') await addEcho(app)
    const { url, wsUrl } = await listen(app)

    const echo = await openEcho(t, url)
    const answer = once(echo, 'message')
    echo.send('hello')
    t.equal(String((await answer)[0]), 'echo of hello')

    const alice = await connect(t, { url: wsUrl, token: memberToken('alice') })
    await alice.subscribe('lobby')
    await app.realtime.publish({ room: 'lobby' }, 'hello')
    t.match(await alice.inbox.next('the publication'), { type: 'message', room: 'lobby', data: 'hello' })
    t.match(await connectRefused(t, { url: wsUrl }), { status: 401, body: { code: 'unauthorized' } })
    t.match(await connectRefused(t, { url: wsUrl.replace('/ws', '/presence/alice') }), { status: 404, body: { code: 'not_found' } })

    const echoClosed = once(echo, 'close')
    await app.close()
    t.same(await alice.closed, { code: 1001, reason: 'going away' })
    const [code, reason] = await echoClosed as [number, Buffer]
    t.same({ code, reason: String(reason) }, { code: 1001, reason: 'going away' }, 'the host\'s connections are told, too')
  })
}

t.test('a host may have larger or smaller frames, if both say the same', async t => {
  const smaller = { ...websocketOptions, options: { ...websocketOptions.options, maxPayload: 1_024 } }
  const app = createHost(t)
  await app.register(fastifyWebsocket, smaller)
  await app.register(roomcast, { ...options, maxFrameBytes: 1_024 })
  const { wsUrl } = await listen(app)
  const alice = await connect(t, { url: wsUrl, token: memberToken('alice') })
  t.equal(alice.welcome.maxFrameBytes, 1_024)

  const other = createHost(t)
  await other.register(fastifyWebsocket, smaller)
  const error = await refusal(async () => { await other.register(roomcast, options); await other.ready() })
  t.match(error.message, /^[^.\n]*maxFrameBytes[^.\n]*$/)
})

t.test('P11: a host\'s @fastify/websocket without our options is refused in one sentence', async t => {
  const app = createHost(t)
  await app.register(fastifyWebsocket)
  const error = await refusal(async () => { await app.register(roomcast, options); await app.ready() })
  t.match(error.message, /^Roomcast found @fastify\/websocket registered without its `websocketOptions`[^.\n]*$/)
})

t.test('P11: a host\'s @fastify/websocket in a scope beside ours is refused in one sentence', async t => {
  const app = createHost(t)
  await app.register(async scope => { await scope.register(fastifyWebsocket, websocketOptions) })
  const error = await refusal(async () => { await app.register(roomcast, options); await app.ready() })
  t.match(error.message, /^@fastify\/websocket was registered a second time [^.\n]*`websocketOptions`$/)
})

t.test('P11: a host\'s @fastify/websocket registered after Roomcast is refused at ready, in one sentence', async t => {
  for (const own of [websocketOptions, {}]) {
    const app = createHost(t)
    await app.register(roomcast, options)
    await app.register(fastifyWebsocket, own)
    const error = await refusal(async () => { await app.ready() })
    t.match(error.message, /^@fastify\/websocket was registered a second time after Roomcast[^.\n]*`websocketOptions`$/)
    const since = performance.now()
    await app.close()
    t.ok(performance.now() - since < 1_500, 'and it closes')
  }
})

t.test('P13: a peer that is gone before it was authenticated leaves nothing behind, and the process lives', async t => {
  const logs: string[] = []
  const app = createHost(t, logs)
  const asked = new Inbox<() => void>()
  const authenticate = (): Promise<{ sub: string }> => new Promise(resolve => { asked.push(() => { resolve({ sub: 'ghost' }) }) })
  await app.register(roomcast, { ...options, authenticate })
  const { wsUrl } = await listen(app)
  const told: string[] = []
  for (const event of ['connect', 'disconnect'] as const) app.realtime.on(event, () => { told.push(event) })

  for (const leave of ['resetAndDestroy', 'destroy'] as const) {
    const { socket } = rawSocket(t, { url: wsUrl })
    const answer = await asked.next('question who it is')
    const gone = once(socket, 'close')
    socket[leave]()
    await gone
    answer()
  }
  const last = connect(t, { url: wsUrl })
  const answer = await asked.next('question who it is')
  answer()
  const client = await last
  await client.ping()
  await until('the connections', 1, () => app.realtime.connectionCount)
  t.equal(told.filter(event => event === 'connect').length, told.filter(event => event === 'disconnect').length + 1, 'of whom the host was told a word, it was told the end')
  t.notMatch(logs.join(''), /"level":(50|60)/)
})
