import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import { encodeFrame, rawSocket, type RawSocket } from '../helpers/raw-socket.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const PING_INTERVAL_MS = 1_000
const PONG_TIMEOUT_MS = 1_000
const PONG = 10
const PING = 9
/** How long a peer that ignores a close keeps its TCP connection at most. */
const GONE_MS = 5_000

const cluster = await startCluster(t, { nodes: 2, env: { PING_INTERVAL_MS: String(PING_INTERVAL_MS), PONG_TIMEOUT_MS: String(PONG_TIMEOUT_MS) } })
const [node1, node2] = cluster.pair()

async function joinRaw (t: Pick<Test, 'after'>, sub: string, rooms: readonly string[] = []): Promise<{ socket: RawSocket, epochOf: Map<string, string> }> {
  const socket = rawSocket(t, { url: node1.wsUrl, token: memberToken(sub, { rooms }) })
  const { rooms: entered } = await socket.nextJson('welcome')
  return { socket, epochOf: new Map((entered as Array<{ room: string, epoch: string }>).map(({ room, epoch }) => [room, epoch])) }
}

async function isOnline (node: ServerProcess, userId: string): Promise<boolean> {
  return (await node.presence(userId)).online
}

async function endOf (room: string): Promise<number> {
  const { body } = await node2.get(`/rooms/${room}/history?limit=1&reverse=true`)
  return Number(body['offset'])
}

t.test('P39: who floods, never reads and ignores the close is offline at once, does nothing more, and is cut within five seconds', async t => {
  const { socket } = await joinRaw(t, 'flooder', ['flood'])
  socket.socket.pause()
  let isGone = false
  socket.socket.once('close', () => { isGone = true })
  const frame = encodeFrame(JSON.stringify({ type: 'publish', room: 'flood', data: 'x'.repeat(30_000) }))
  const flood = (): void => {
    while (socket.socket.write(frame));
  }
  socket.socket.on('drain', flood)
  flood()
  await until('presence', false, () => isOnline(node2, 'flooder'), 20_000)
  const decidedAt = performance.now()
  t.equal(isGone, false, 'its presence does not wait for the cut')
  const end = await endOf('flood')
  t.ok(end > 30, `${end} were published until then`)
  await until('end of the TCP connection', true, () => isGone, GONE_MS)
  t.ok(performance.now() - decidedAt < GONE_MS)
  t.equal(await endOf('flood'), end, 'nothing of what it sent after the decision happened')
})

t.test('P09: a peer that is silent without a FIN is cut and offline, one that answers late stays, and any frame is a sign of life', async t => {
  const { socket: silent } = await joinRaw(t, 'silent')
  const { socket: late } = await joinRaw(t, 'late')
  const { socket: talking } = await joinRaw(t, 'talking')
  let pings = 0
  const answerLate = async (): Promise<void> => {
    for (;;) {
      const { opcode, payload } = await late.inbox.next('ping', 10_000)
      if (opcode !== PING) continue
      pings++
      await new Promise(resolve => { setTimeout(resolve, PONG_TIMEOUT_MS * 0.8) })
      late.socket.write(encodeFrame(payload, PONG))
    }
  }
  const answering = answerLate().catch(() => {})
  // The answer to a ping of the server is never a pong here, but something that this client wants.
  const talk = setInterval(() => { talking.send('{"type":"ping"}') }, PING_INTERVAL_MS / 2)
  t.after(() => { clearInterval(talk) })

  await silent.closed
  await until('presence', false, () => isOnline(node2, 'silent'))
  await until('pings that were answered late', true, () => pings >= 3, 15_000)
  t.ok(await isOnline(node2, 'late'))
  t.ok(await isOnline(node2, 'talking'))
  t.notOk(talking.inbox.drain().some(({ opcode }) => opcode === PING), 'who talks is not even asked')
  late.socket.destroy()
  await answering
})

t.test('P53: who was half-open on one node and went on elsewhere has each message once, and the old node keeps nothing for it', async t => {
  const { socket: half, epochOf } = await joinRaw(t, 'alice', ['news'])
  half.socket.pause()
  const since = { epoch: epochOf.get('news') ?? '', offset: 0 }
  await node1.publish({ room: 'news', data: 1 })

  const token = memberToken('alice')
  const elsewhere = await connect(t, { url: node2.wsUrl, token })
  t.match((await elsewhere.subscribe('news', { since })).publications, [{ offset: 1, data: 1 }])
  await node1.publish({ room: 'news', data: 2 })
  t.match(await receivedBy(node1, [elsewhere]), [[{ offset: 2, data: 2 }]])
  await elsewhere.close()
  await until('connections of alice', 0, async () => (await node2.presence('alice')).connections.length, 10_000)

  const back = await connect(t, { url: node1.wsUrl, token })
  await node1.publish({ room: 'news', data: 3 })
  const { publications } = await back.subscribe('news', { since: { ...since, offset: 2 } })
  t.match(publications, [{ offset: 3, data: 3 }])
  t.equal(publications?.length, 1)
  await node2.publish({ room: 'news', data: 4 })
  t.match(await receivedBy(node2, [back]), [[{ offset: 4, data: 4 }]], 'and nothing that was meant for the dead connection')
  half.socket.resume()
  await half.closed
})

t.test('P40: compression is not negotiated, however it is offered', async t => {
  for (const offer of ['permessage-deflate', 'permessage-deflate; client_max_window_bits', 'permessage-deflate; server_no_context_takeover, x-webkit-deflate-frame']) {
    const socket = rawSocket(t, { url: node1.wsUrl, token: memberToken('compressing'), headers: { 'Sec-WebSocket-Extensions': offer } })
    await socket.nextJson('welcome')
    t.match(socket.head, /^HTTP\/1\.1 101 /)
    t.notMatch(socket.head, /extensions/i, offer)
    socket.socket.destroy()
  }
})

t.end()
