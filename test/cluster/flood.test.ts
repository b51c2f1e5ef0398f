import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { encodeFrame, rawSocket } from '../helpers/raw-socket.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const FLOOD = 10_000
const RATE = 100
const BURST = 2_000
/** What a neighbour may wait for an answer on a machine with other things to do: far less than a flood that is served would take. */
const MAX_LATENCY_MS = 1_000
const PING = 9
const PINGS = 20
const CLOSE = 8

const cluster = await startCluster(t, { nodes: 1 })
const [node] = cluster.nodes as [typeof cluster.nodes[number]]

// websockets/ws#1429: one connection floods, and each frame costs work for Redis.
t.test('P17: ten thousand publishes at once are refused beyond the budget, then closed with 4429, and who is beside is served', async t => {
  const bob = await connect(t, { url: node.wsUrl, token: memberToken('bob') })
  await bob.subscribe('lobby')
  const mallory = rawSocket(t, { url: node.wsUrl, token: memberToken('mallory') })
  await mallory.nextJson('welcome')
  const began = performance.now()
  mallory.send(...Array.from({ length: FLOOD }, (_, id) => JSON.stringify({ type: 'publish', id, room: 'flooded', data: 'x'.repeat(100) })))

  const over = new AbortController()
  const latencies: number[] = []
  const measured = (async () => {
    for (let count = 0; !over.signal.aborted && count < BURST / 2; count++) {
      const at = performance.now()
      await bob.publish('lobby', count)
      latencies.push(performance.now() - at)
    }
  })()
  const answers = new Map<string, number>()
  let last: Record<string, unknown> = {}
  for (;;) {
    const { opcode, payload } = await mallory.inbox.next('answer', 15_000)
    if (opcode === CLOSE) {
      t.equal(payload.readUInt16BE(), 4429)
      t.equal(payload.subarray(2).toString(), 'flooding or over a limit')
      break
    }
    last = JSON.parse(payload.toString()) as Record<string, unknown>
    const what = String(last['code'] ?? last['type'])
    answers.set(what, (answers.get(what) ?? 0) + 1)
  }
  const seconds = (performance.now() - began) / 1_000
  over.abort()
  await measured
  t.same([...answers.keys()].sort(), ['published', 'rate_limited'])
  t.match(last, { type: 'error', code: 'rate_limited', id: Number, retryAfterMs: Number })
  await mallory.closed
  const { offset } = await bob.subscribe('flooded')
  t.ok(offset >= BURST / 2 && offset <= BURST + RATE * (seconds + 1), `${offset} were published in ${seconds.toFixed(1)} s`)
  t.ok(Math.max(...latencies) < MAX_LATENCY_MS, `${latencies.length} answers to the neighbour, the last of them after ${Math.max(...latencies).toFixed(0)} ms`)
  t.equal((await node.presence('mallory')).online, false)
  t.equal((await node.presence('bob')).online, true, 'who comes from the same address is not limited with it')
})

t.test('P17: a flood of pings is no way around it, and what it was subscribed to is freed', async t => {
  const mallory = rawSocket(t, { url: node.wsUrl, token: memberToken('mallory') })
  await mallory.nextJson('welcome')
  mallory.send('{"type":"subscribe","room":"attic"}')
  t.match(await mallory.nextJson('subscribed'), { room: 'attic' })
  // Few at a time: ws itself cuts a peer to which it owes too many pongs.
  const some = Buffer.concat(Array.from({ length: PINGS }, () => encodeFrame('', PING)))
  let code: number | undefined
  while (code === undefined) {
    mallory.socket.write(some)
    for (let count = 0; count < PINGS && code === undefined; count++) {
      const { opcode, payload } = await mallory.inbox.next('pong or close')
      if (opcode === CLOSE) code = payload.readUInt16BE()
    }
  }
  t.equal(code, 4429)
  await until('presence', false, async () => (await node.presence('mallory')).online)
  await until('channels of the room', [], () => cluster.channels('{r:attic}'))
})

t.end()
