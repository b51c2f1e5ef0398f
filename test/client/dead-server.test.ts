import t from 'tap'
import { WebSocket } from 'ws'
import type { WebSocketConstructor } from '../../client/index.ts'
import { startServer } from '../helpers/server-process.ts'
import { until } from '../helpers/until.ts'
import { connectClient, nextState } from './library-client.ts'
import { portOf, startProxy } from './tcp-proxy.ts'

t.test('a server that stands still is noticed by its silence, and left for another', async t => {
  const [first, second] = await Promise.all([1, 2].map(() => startServer(t, { env: { PING_INTERVAL_MS: '1000' } })))
  if (first === undefined || second === undefined) throw new Error('a server is missing')
  const proxy = await startProxy(t, first.url)
  const client = await connectClient(t, proxy.wsUrl, { pongTimeoutMs: 500 })
  const { connectionId } = client
  const [away, back] = [nextState(client, 'waiting'), nextState(client, 'open')]
  first.signal('SIGSTOP')
  const since = performance.now()
  proxy.heal(portOf(second.url))
  await away
  const noticedMs = performance.now() - since
  await back
  t.not(client.connectionId, connectionId)
  t.ok(noticedMs > 400 && noticedMs < 4_000, `noticed after ${Math.round(noticedMs)} ms`)
})

t.test('a quiet connection to a living server is kept', async t => {
  const server = await startServer(t, { env: { PING_INTERVAL_MS: '1000' } })
  let pings = 0
  class Counted extends WebSocket {
    override send (text: string): void {
      if (text.includes('"ping"')) pings++
      super.send(text)
    }
  }
  const client = await connectClient(t, server.wsUrl, { pongTimeoutMs: 150, WebSocket: Counted as WebSocketConstructor })
  const { connectionId } = client
  await until('pings', true, () => pings >= 2, 5_000)
  t.equal(client.state, 'open')
  t.equal(client.connectionId, connectionId)
})

t.test('a node that shuts down is left at once for another', async t => {
  const [first, second] = await Promise.all([startServer(t), startServer(t)])
  const proxy = await startProxy(t, first.url)
  const client = await connectClient(t, proxy.wsUrl)
  const room = client.room('lobby')
  await room.subscribe()
  const [away, back] = [nextState(client, 'waiting'), nextState(client, 'open')]
  first.signal('SIGTERM')
  proxy.heal(portOf(second.url))
  await away
  await back
  t.match(await room.publish(1), { offset: 1 })
  t.equal(room.state, 'subscribed')
})

t.test('a connection that the server ended for good does not come back, and says why', async t => {
  const server = await startServer(t)
  const client = await connectClient(t, server.wsUrl)
  const closed = nextState(client, 'closed')
  const errors: unknown[] = []
  client.on('error', error => { errors.push(error) })
  // A frame without a documented shape is what this server ends for good.
  client.room('lobby').publish(JSON.parse('{"__proto__":1}')).catch(() => {})
  await closed
  t.match(errors, [{ code: 'frame_invalid' }, { code: 'closed_by_server', closeCode: 4400 }])
})
