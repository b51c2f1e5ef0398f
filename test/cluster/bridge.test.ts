import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { connect, type TestClient } from '../helpers/client.ts'
import { receivedBy, startCluster } from '../helpers/cluster.ts'
import type { ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'

const MAX_FRAME_BYTES = 65_536
const BACK_MS = 10_000

// What is named twice leads there once.
const channels = { 'legacy:orders': ['orders', 'copies'], 'more-orders': ['orders'], alerts: ['$all'], odd: ['odd', 'odd'], wrong: ['odd'], 'also-wrong': ['odd'] }
const BRIDGE = Object.entries(channels).flatMap(([channel, rooms]) => rooms.map(room => `${channel}=${room}`)).join(',')

const cluster = await startCluster(t, { nodes: 2, env: { BRIDGE } })
const { redis } = cluster
const [node1, node2] = cluster.pair()

/** What others do, who know nothing of us. */
function tell (channel: keyof typeof channels, message: string | Buffer): Promise<unknown> {
  return redis.command('PUBLISH', channel, message)
}

/** A connection in some rooms, and its frames as they come. */
async function listen (t: Test, node: ServerProcess, ...rooms: readonly string[]): Promise<{ client: TestClient, texts: string[] }> {
  const client = await connect(t, { url: node.wsUrl, token: memberToken('alice') })
  for (const room of rooms) await client.subscribe(room)
  const texts: string[] = []
  client.socket.on('message', (data: Buffer) => { texts.push(data.toString()) })
  return { client, texts }
}

/** Room and data of what each has received. */
async function received (clients: readonly TestClient[]): Promise<unknown[][]> {
  return (await receivedBy(node1, clients)).map(frames => frames.map(frame => frame.type === 'message' ? [frame.room, frame.data] : frame))
}

/** The data of each bridged message in a room, byte for byte. */
function dataIn (room: string, texts: readonly string[]): string[] {
  const [head, tail] = [`{"type":"message","room":${JSON.stringify(room)},"data":`, /,"at":\d{13}\}$/]
  return texts.filter(text => text.startsWith(head)).map(text => {
    if (!tail.test(text)) throw new Error(`no bridged message: ${text}`)
    return text.slice(head.length).replace(tail, '')
  })
}

/** Waits until both nodes listen to every bridged channel. */
async function bridged (): Promise<void> {
  const wanted = Object.keys(channels).flatMap(channel => [channel, 2])
  await until('both nodes at each channel', wanted, () => redis.command('PUBSUB', 'NUMSUB', ...Object.keys(channels)).catch(String) as Promise<unknown[]>, BACK_MS)
}

t.test('what others publish on a channel reaches each connection in its rooms once, on both nodes', async t => {
  const clients = [
    await listen(t, node1, 'orders'), await listen(t, node2, 'orders'), await listen(t, node1, 'copies', 'orders'), await listen(t, node2, 'copies'), await listen(t, node2)
  ].map(({ client }) => client)
  t.equal(await tell('legacy:orders', '{"n":1}'), 2, 'two nodes hear it, however many connections they have')
  await tell('more-orders', '{"n":2}')
  await redis.command('PUBLISH', 'unknown', '{"n":3}')
  const [first, copy, second] = [['orders', { n: 1 }], ['copies', { n: 1 }], ['orders', { n: 2 }]]
  const all = (await received(clients)).map(frames => frames.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))))
  t.same(all, [[first, second], [first, second], [copy, first, second], [copy], []])
})

t.test('$all reaches everyone, on both nodes, once', async t => {
  const clients = [await listen(t, node1), await listen(t, node2, 'orders'), await listen(t, node2)].map(({ client }) => client)
  await tell('alerts', '"alert"')
  t.same(await received(clients), clients.map(() => [['$all', 'alert']]))
})

t.test('it is volatile: in no history, without a position and without a sender, and it moves none', async t => {
  const { client } = await listen(t, node1, 'orders')
  const { offset } = await client.subscribe('orders')
  await tell('more-orders', '"bridged"')
  t.match((await node1.publish({ room: 'orders', data: 'kept' })).body, { publications: [{ offset: offset + 1 }] })
  const [[bridged = {}, kept] = []] = await receivedBy(node1, [client])
  t.same(Object.keys(bridged), ['type', 'room', 'data', 'at'])
  t.match(kept, { data: 'kept', offset: offset + 1 })
  t.notOk((await client.history('orders')).publications.some(({ data }) => String(data) === 'bridged'))
  t.ok(Math.abs(Date.now() - Number((bridged as { at?: number }).at)) < 60_000, 'its time is an instant')
})

const json = [
  '{"a":1}', ' { "a" : 1 ,\n "a":\t2 } ', '12345678901234567890', '1e400', '-0', '0.10', '1E+2', '[1e400,-1e400]', '"\\u0041\\/"', 'null', 'true', '""', '[]',
  '"ü 👩 \u2028"', '{"constructor":{"prototype":1}}', '"\\ud800"', `${'['.repeat(100)}${']'.repeat(100)}`, `[${'1e20,'.repeat(6_000)}1e20]`,
  `"${'x'.repeat(MAX_FRAME_BYTES - 2)}"`
]

t.test('JSON is delivered as it is, byte for byte', async t => {
  const listeners = [await listen(t, node1, 'odd'), await listen(t, node2, 'odd')]
  for (const text of json) await tell('odd', text)
  await received(listeners.map(({ client }) => client))
  for (const { texts } of listeners) {
    const data = dataIn('odd', texts)
    t.equal(data.length, json.length, 'each once')
    for (const [index, text] of json.entries()) t.ok(data[index] === text, `number ${index}`)
  }
})

const texts = ['', 'hello', '{"a":', "{'a':1}", 'NaN', '01', '[1,]', '"open', 'line\nfeed', 'ü 👩 \u2028 \u0000', 'a"b\\c', 'x'.repeat(MAX_FRAME_BYTES - 2)]

t.test('any other text is delivered as a JSON string', async t => {
  const clients = [await listen(t, node1, 'odd'), await listen(t, node2, 'odd')].map(({ client }) => client)
  for (const text of texts) await tell('odd', text)
  for (const frames of await received(clients)) t.same(frames, texts.map(text => ['odd', text]))
})

const wrong: Array<[what: string, message: string | Buffer]> = [
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ['half a character', Buffer.from('"ü"').subarray(0, 2)],
  ['larger than a frame', `"${'x'.repeat(MAX_FRAME_BYTES - 1)}"`],
  ['text larger than a frame', 'x'.repeat(MAX_FRAME_BYTES + 1)],
  ['text that is larger than a frame as a string', '"'.repeat(MAX_FRAME_BYTES - 2)],
  ['nested too deeply', `${'['.repeat(101)}${']'.repeat(101)}`],
  ['nested very deeply', `${'['.repeat(30_000)}${']'.repeat(30_000)}`]
]

t.test('what cannot be delivered is left out, and logged once for each channel', async t => {
  const clients = [await listen(t, node1, 'odd'), await listen(t, node2, 'odd')].map(({ client }) => client)
  const { pid } = node1
  for (const [what, message] of wrong) {
    for (const channel of ['wrong', 'also-wrong'] as const) {
      await tell(channel, message)
      await tell(channel, JSON.stringify(`after ${what}`))
    }
  }
  const wanted = wrong.flatMap(([what]) => [['odd', `after ${what}`], ['odd', `after ${what}`]])
  t.same(await received(clients), [wanted, wanted])
  for (const node of cluster.nodes) {
    const lines = node.logs.filter(line => line.includes('bridged channel')).map(line => JSON.parse(line) as { channel: string, level: number })
    t.same(lines.map(({ channel, level }) => [channel, level]).sort(), [['also-wrong', 40], ['wrong', 40]])
    t.notMatch(lines.map(line => JSON.stringify(line)).join(), /xxxxx|\[\[\[\[/, 'without what it was')
  }
  t.equal(node1.pid, pid)
})

t.test('the bridge is back by itself when its link was cut, and still delivers one copy', async t => {
  const clients = [await listen(t, node1, 'orders'), await listen(t, node2, 'orders', 'copies')].map(({ client }) => client)
  for (let round = 1; round <= 5; round++) {
    const mark = randomUUID()
    t.ok(Number(await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')) >= 2)
    await bridged()
    for (const node of cluster.nodes) await until(`${node.name} is ready`, 200, async () => (await node.get('/ready')).status, BACK_MS)
    await tell('legacy:orders', JSON.stringify(mark))
    t.same(await received(clients), [[['orders', mark]], [['orders', mark], ['copies', mark]]], `round ${round}`)
  }
})

t.test('the bridge is back by itself when Redis was restarted', async t => {
  const clients = [await listen(t, node1, 'odd'), await listen(t, node2, 'odd')].map(({ client }) => client)
  for (let round = 1; round <= 2; round++) {
    await redis.restart({ empty: true })
    await bridged()
    for (const node of cluster.nodes) await until(`${node.name} is ready`, 200, async () => (await node.get('/ready')).status, BACK_MS)
    await tell('odd', `"${round}"`)
    const bridgedData = (frames: unknown[]): unknown[] => frames.filter(frame => Array.isArray(frame))
    t.same((await received(clients)).map(bridgedData), [[['odd', `${round}`]], [['odd', `${round}`]]])
  }
})

t.end()
