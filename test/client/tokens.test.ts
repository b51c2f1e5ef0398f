import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { WebSocket } from 'ws'
import type { ClientError, WebSocketConstructor } from '../../client/index.ts'
import { Inbox } from '../helpers/inbox.ts'
import { startServer } from '../helpers/server-process.ts'
import { memberToken, secondsFromNow } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { connectClient, createClient, messagesOf, nextState } from './library-client.ts'
import { startProxy } from './tcp-proxy.ts'

const server = await startServer(t)

t.test('P55: a token is asked for before each attempt, also one that takes its time', async t => {
  const proxy = await startProxy(t, server.url)
  let asked = 0
  const getToken = async (): Promise<string> => {
    asked++
    // An application that asks its own server first.
    await server.get('/health')
    return memberToken('alice')
  }
  const client = await connectClient(t, proxy.wsUrl, { getToken })
  t.equal(asked, 1)
  const back = nextState(client, 'open')
  proxy.cut()
  proxy.heal()
  await back
  t.ok(asked >= 2)
})

t.test('P55: a getToken that rejects or is too slow is reported, and asked again', async t => {
  const errors: string[] = []
  let asked = 0
  const getToken = (): Promise<string> => {
    asked++
    if (asked === 1) return Promise.reject(new Error('not now'))
    return asked === 2 ? new Promise(() => {}) : Promise.resolve(memberToken('alice'))
  }
  const client = createClient(t, server.wsUrl, { getToken, tokenTimeoutMs: 50 })
  client.on('error', ({ code, cause }) => { errors.push(`${code}: ${(cause as Error).message}`) })
  await client.connect()
  t.same(errors, ['token_failed: not now', 'token_failed: getToken took too long'])
})

// supabase/realtime-js#274: after sleep the client went round with the token that it had.
t.test('P55: where the token expires while the link is down each attempt asks for another, though that takes its time and fails in between', async t => {
  const proxy = await startProxy(t, server.url)
  const tried: string[] = []
  class Noted extends WebSocket {
    constructor (url: string, protocols: string[]) {
      super(url, protocols)
      tried.push(protocols[1] ?? '')
    }
  }
  const exp = secondsFromNow(2)
  let asked = 0
  const getToken = async (): Promise<string> => {
    const isFirst = ++asked === 1
    await delay(300)
    if (asked === 2) throw new Error('not now')
    return memberToken('alice', isFirst ? { exp } : {})
  }
  const client = await connectClient(t, proxy.wsUrl, { getToken, WebSocket: Noted as WebSocketConstructor, backoffMs: 200 })
  const room = client.room<string>('woken')
  await room.subscribe()
  const away = nextState(client, 'waiting')
  proxy.cut()
  await away
  await until('the end of the first token', true, () => Date.now() > exp * 1_000 + 500, 5_000)
  const back = nextState(client, 'open')
  proxy.heal()
  await back
  t.ok(tried.length > 1 && asked > tried.length, `${tried.length} attempts, ${asked} questions`)
  t.equal(new Set(tried).size, tried.length, 'no token was tried twice')
  const messages = messagesOf(room)
  await server.publish({ room: 'woken', data: 'back' })
  t.equal(await messages.next('what follows'), 'back')
})

t.test('P55: a token that is refused is asked for anew once, and then the client stops and says why', async t => {
  let asked = 0
  const client = createClient(t, server.wsUrl, { getToken: () => `bad-${++asked}` })
  const errors: ClientError[] = []
  client.on('error', error => { errors.push(error) })
  const publish = client.room('lobby').publish(1)
  await t.rejects(client.connect(), { code: 'unauthorized' })
  await t.rejects(publish, { code: 'unauthorized' })
  t.equal(asked, 2)
  t.equal(client.state, 'closed')
  t.match(errors, [{ code: 'unauthorized' }])
})

t.test('a token that no header can hold is refused like any bad one', async t => {
  const client = createClient(t, server.wsUrl, { getToken: () => 'not a token' })
  await t.rejects(client.connect(), { code: 'unauthorized' })
})

t.test('a client that had an old token comes back with a new one', async t => {
  const tokens = ['expired', memberToken('alice')]
  const client = createClient(t, server.wsUrl, { getToken: () => tokens.shift() ?? memberToken('alice') })
  await client.connect()
  t.equal(client.state, 'open')
})

t.test('before a token expires the client brings another, and keeps its connection and its rooms', async t => {
  let asked = 0
  const getToken = (): string => memberToken('alice', ++asked === 1 ? { exp: secondsFromNow(5) } : { exp: secondsFromNow(3_600), rooms: ['new'] })
  const client = await connectClient(t, server.wsUrl, { getToken })
  const [room, begun] = [client.room<number>('renewal'), client.room<string>('new')]
  const [messages, ofNew] = [messagesOf(room), messagesOf(begun)]
  await room.subscribe()
  const states = new Inbox<string>()
  client.on('state', state => { states.push(state) })
  await until('the room of the new token', 'subscribed', () => begun.state, 10_000)
  await server.publish({ room: 'renewal', data: 1 })
  await server.publish({ room: 'new', data: 'heard' })
  t.match(await room.publish(2), { offset: 2 })
  t.same([await messages.next('one'), await messages.next('two'), await ofNew.next('news')], [1, 2, 'heard'])
  t.equal(asked, 2)
  t.same(states.drain(), [])
})

t.test('a new token that is refused is told, and the connection ends with the old one', async t => {
  let asked = 0
  const getToken = (): string => ++asked === 2 ? memberToken('bob') : memberToken('alice', { exp: secondsFromNow(asked === 1 ? 4 : 3_600) })
  const client = await connectClient(t, server.wsUrl, { getToken })
  const states = new Inbox<string>()
  const errors = new Inbox<string>()
  client.on('state', state => { states.push(state) })
  client.on('error', ({ code }) => { errors.push(code) })
  t.equal(await errors.next('the refusal', 10_000), 'unauthorized')
  for (const state of ['waiting', 'connecting', 'open']) t.equal(await states.next(state, 10_000), state)
  t.equal(asked, 3)
})

t.end()
