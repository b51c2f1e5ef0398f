import t from 'tap'
import { WebSocket } from 'ws'
import type { Position, WebSocketConstructor } from '../../client/index.ts'
import { startServer } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { within } from '../helpers/within.ts'
import { connectClient, createClient, messagesOf, nextState } from './library-client.ts'
import { startProxy } from './tcp-proxy.ts'

/** How long the server waits for a resume, and then some. */
const LATE_MS = 10_000

/** A way to the server that holds a resume back until the server has welcomed the client without it. */
function slow (isSlow: () => boolean): WebSocketConstructor {
  return class extends WebSocket {
    override send (text: string): void {
      if (isSlow() && text.includes('"type":"resume"')) this.once('message', () => { super.send(text) })
      else super.send(text)
    }
  } as WebSocketConstructor
}

const server = await startServer(t)

t.test('a client whose first resume comes too late is subscribed to its rooms all the same', async t => {
  const client = createClient(t, server.wsUrl, { WebSocket: slow(() => true) })
  const errors: unknown[] = []
  client.on('error', error => { errors.push(error) })
  client.connect()
  const room = client.room<number>('first')
  const messages = messagesOf(room)
  await within('subscribed', LATE_MS, room.subscribe())
  await server.publish({ room: 'first', data: 1 })
  t.equal(await messages.next('the message'), 1)
  t.same(errors, [])
})

t.test('a client whose later resume comes too late misses nothing of its rooms, and is told what it may have missed of the server\'s', async t => {
  const proxy = await startProxy(t, server.url)
  let isSlow = false
  const client = await connectClient(t, proxy.wsUrl, { WebSocket: slow(() => isSlow) })
  const room = client.room<number>('later')
  const messages = messagesOf(room)
  const recovered: number[] = []
  const gaps: string[] = []
  room.on('recovered', count => { recovered.push(count) })
  const told = new Map<string, Position>()
  for (const name of ['later', '$user:alice', '$all']) {
    client.room(name).on('gap', position => { gaps.push(name); told.set(name, position) })
  }
  await room.subscribe()
  await server.publish({ room: 'later', data: 1 })
  t.equal(await messages.next('what came before the cut'), 1)

  const away = nextState(client, 'waiting')
  proxy.cut()
  await away
  for (const data of [2, 3]) await server.publish({ room: 'later', data })
  await server.publish({ user: 'alice', data: 'missed' })
  isSlow = true
  proxy.heal()
  await until('the room', 'subscribed', () => room.state, LATE_MS)
  await server.publish({ room: 'later', data: 4 })
  t.same([await messages.next('2'), await messages.next('3'), await messages.next('4')], [2, 3, 4])
  t.same(recovered, [2])
  t.same(gaps, ['$user:alice'], 'nothing was published to everyone')
  t.same(told.get('$user:alice'), client.room('$user:alice').position)
})

t.end()
