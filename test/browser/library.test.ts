import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { startProxy } from '../client/tcp-proxy.ts'
import { connect } from '../helpers/client.ts'
import { startServer, type ServerProcess } from '../helpers/server-process.ts'
import { memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { browserTest, goOffline, goOnline, NETWORK_COMPLAINT } from './chromium.ts'
import { openClient, startSite } from './page-client.ts'

const LIBRARY = new URL('../../dist/client/', import.meta.url)
const PATIENCE_MS = 15_000

const origin = await startSite(t)
// Of another origin than the page, as in most installations.
const server = await startServer(t, { env: { ALLOWED_ORIGINS: origin } })

t.test('the built library loads nothing but its own files, by names that a browser can follow', async t => {
  const files = readdirSync(LIBRARY).filter(name => name.endsWith('.js'))
  t.ok(files.includes('index.js'))
  for (const file of files) {
    const source = readFileSync(new URL(file, LIBRARY), 'utf8')
    for (const [, specifier = ''] of source.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      t.ok(specifier.startsWith('./') && files.includes(specifier.slice('./'.length)), `${file} imports ${specifier}`)
    }
  }
})

browserTest('a page connects, subscribes and publishes, and its console has nothing to complain about', async (t, browser) => {
  const { told, publish, complaints } = await openClient(t, browser, { origin, url: server.wsUrl, user: 'alice', room: 'talk' })
  await until('the connection', 'open', () => told.states.at(-1))
  t.match(await publish({ text: 'Grüße 👋' }), { epoch: String, offset: 1 })
  await publishNumbers(server, 'talk', 2, 3)
  await until('the messages', [{ text: 'Grüße 👋' }, 2, 3], () => told.messages)
  t.same(told.states, ['connecting', 'open'])
  t.same(complaints, [])
})

browserTest('the list of members in the page is the server\'s, and a page that is closed leaves', async (t, browser) => {
  const { page, told, complaints } = await openClient(t, browser, { origin, url: server.wsUrl, user: 'alice', room: 'people' })
  const isKnown = async (...wanted: string[]): Promise<void> => {
    await until('members in the page', wanted, () => told.members.at(-1), PATIENCE_MS)
    await until('members on the server', wanted, async () => (await server.members('people')).members.map(({ userId }) => userId).sort())
  }
  await isKnown('alice')
  const bob = await connect(t, { url: server.wsUrl, token: memberToken('bob') })
  await bob.subscribe('people')
  await isKnown('alice', 'bob')
  const carol = await openClient(t, browser, { origin, url: server.wsUrl, user: 'carol', room: 'people' })
  await isKnown('alice', 'bob', 'carol')
  await carol.page.close()
  await isKnown('alice', 'bob')
  await bob.close()
  await isKnown('alice')
  t.same(complaints, [])
  await page.close()
  await until('alice offline', false, async () => (await server.presence('alice')).online)
})

browserTest('a page that was offline for a moment keeps its connection, and what was sent meanwhile comes', async (t, browser) => {
  const { page, told } = await openClient(t, browser, { origin, url: server.wsUrl, user: 'alice', room: 'moment' })
  await until('the connection', 'open', () => told.states.at(-1))
  await goOffline(page)
  await publishNumbers(server, 'moment', 1, 2, 3)
  t.same(told.messages, [])
  await goOnline(page)
  await until('the messages', [1, 2, 3], () => told.messages)
  t.same(told, { states: ['connecting', 'open'], errors: [], messages: [1, 2, 3], recovered: [], gaps: [], members: [['alice']] })
})

browserTest('a page that is offline notices it by itself, and online again gets everything, once and in order', async (t, browser) => {
  // Nothing ends the connection of a page that is offline; only pings without an answer tell.
  const server = await startServer(t, { env: { ALLOWED_ORIGINS: origin, PING_INTERVAL_MS: '1000', PONG_TIMEOUT_MS: '1000' } })
  const { page, told, complaints } = await openClient(t, browser, { origin, url: server.wsUrl, user: 'alice', room: 'away' })
  await until('the connection', 'open', () => told.states.at(-1))
  await publishNumbers(server, 'away', 1, 2, 3)
  await until('the messages', [1, 2, 3], () => told.messages)

  await goOffline(page)
  await publishNumbers(server, 'away', 4, 5, 6)
  await until('word that the connection is lost', true, () => told.states.includes('waiting'), PATIENCE_MS)
  await until('alice offline', false, async () => (await server.presence('alice')).online, PATIENCE_MS)
  const bob = await connect(t, { url: server.wsUrl, token: memberToken('bob') })
  await bob.subscribe('away')
  await publishNumbers(server, 'away', 7, 8)
  t.same(told.messages, [1, 2, 3])

  await goOnline(page)
  await until('the connection is back', 'open', () => told.states.at(-1), PATIENCE_MS)
  await publishNumbers(server, 'away', 9)
  await until('the messages', [1, 2, 3, 4, 5, 6, 7, 8, 9], () => told.messages)
  t.match(told, { recovered: [5], gaps: [], errors: [] })
  t.same(told.members.at(-1), ['alice', 'bob'])
  t.same(complaints.filter(text => !NETWORK_COMPLAINT.test(text)), [])
})

browserTest('a page whose connection is cut gets everything, once and in order', async (t, browser) => {
  const proxy = await startProxy(t, server.url)
  const { told, complaints } = await openClient(t, browser, { origin, url: proxy.wsUrl, user: 'alice', room: 'cut' })
  await until('the connection', 'open', () => told.states.at(-1))
  for (const round of [1, 2, 3]) {
    proxy.cut()
    await until('word of the cut', 'waiting', () => told.states.at(-1), PATIENCE_MS)
    await publishNumbers(server, 'cut', round * 10, round * 10 + 1)
    proxy.heal()
    await until('recoveries', round, () => told.recovered.length, PATIENCE_MS)
  }
  await publishNumbers(server, 'cut', 40)
  await until('the messages', [10, 11, 20, 21, 30, 31, 40], () => told.messages)
  t.match(told, { recovered: [2, 2, 2], gaps: [], errors: [] })
  t.same(complaints.filter(text => !NETWORK_COMPLAINT.test(text)), [])
})

browserTest('a page whose token is refused is told so, and stops', async (t, browser) => {
  let asked = 0
  const getToken = (): string => `bad-${++asked}`
  const { told, complaints } = await openClient(t, browser, { origin, url: server.wsUrl, user: 'alice', room: 'refused', getToken })
  await until('the refusal', ['unauthorized'], () => told.errors, PATIENCE_MS)
  t.same(told.states, ['connecting', 'waiting', 'connecting', 'closed'])
  t.equal(asked, 2)
  t.ok(complaints.length > 0)
  t.same(complaints.filter(text => !/\b401\b|^WebSocket connection to /.test(text)), [])
})

browserTest('a page of an origin that is not allowed gets nowhere, and its browser lets it read nothing', async (t, browser) => {
  const { told } = await openClient(t, browser, { origin: await startSite(t), url: server.wsUrl, user: 'mallory', room: 'foreign' })
  await until('three attempts', true, () => told.states.filter(state => state === 'waiting').length >= 3, PATIENCE_MS)
  t.notOk(told.states.includes('open'))
  t.same(told.errors, [])
  t.match(await server.presence('mallory'), { online: false })
})

/** Publishes numbers to a room, one after the other, as a backend. */
async function publishNumbers (server: ServerProcess, room: string, ...numbers: number[]): Promise<void> {
  for (const data of numbers) {
    const { status, text } = await server.publish({ room, data })
    if (status !== 200) throw new Error(`${data} could not be published: ${status} ${text}`)
  }
}

t.end()
