import { readdirSync } from 'node:fs'
import t from 'tap'
import { connect } from '../helpers/client.ts'
import { freePort } from '../helpers/free-port.ts'
import { API_KEY } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { until } from '../helpers/until.ts'
import { roomcast, runServer, socketUrl } from './program.ts'

const READER_KEY = 'a-key-for-tests-that-may-only-ask-0123456789'

const folder = t.testdir({ '.env': `JWT_SECRET=${JWT_SECRET}\nAPI_KEYS=reader:${READER_KEY}:presence:read,writer:${API_KEY}\n` })
const address = await runServer(t, folder).ready()

const alice = await connect(t, { url: socketUrl(address), token: memberToken('alice', { rooms: ['lobby'] }) })

const ask = (args: readonly string[], input?: string) => roomcast(t, folder, [...args, '--url', address], input === undefined ? {} : { input }).exit()

t.test('publish reaches a room, a user and everyone, by the key of .env that may, and prints the position', async t => {
  const targets: ReadonlyArray<readonly [args: string[], room: string]> = [[['lobby'], 'lobby'], [['--user', 'alice'], '$user:alice'], [['--everyone'], '$all']]
  for (const [args, room] of targets) {
    const { code, stdout, stderr } = await ask(['publish', ...args, '{"text":"hi"}'])
    t.equal(code, 0, stderr)
    t.match(JSON.parse(stdout), { publications: [{ room, offset: 1, duplicate: false }] })
    t.match(await alice.inbox.next('the publication'), { type: 'message', room, data: { text: 'hi' } })
  }
})

t.test('publish with - sends what stdin says', async t => {
  const { code, stderr } = await ask(['publish', 'lobby', '-'], '{"n": 1.0, "é": ["🦄"]}\n')
  t.equal(code, 0, stderr)
  t.match(await alice.inbox.next('the publication'), { data: { n: 1, é: ['🦄'] } })
})

t.test('publish under the same key publishes once, and volatile keeps nothing', async t => {
  const first = await ask(['publish', 'lobby', '1', '--key', 'order-1'])
  const again = await ask(['publish', 'lobby', '1', '--key', 'order-1'])
  t.match(JSON.parse(first.stdout), { publications: [{ duplicate: false }] })
  t.match(JSON.parse(again.stdout), { publications: [{ duplicate: true }] })
  t.match(await alice.inbox.next('the publication'), { data: 1 })
  t.match(JSON.parse((await ask(['publish', 'lobby', '3', '--volatile'])).stdout), { publications: [{ room: 'lobby', offset: undefined }] })
  t.match(await alice.inbox.next('the volatile one'), { data: 3, offset: undefined })
})

t.test('publish says in the server\'s words what was refused, and that nobody answers', async t => {
  const refusals: ReadonlyArray<readonly [args: string[], says: RegExp]> = [
    [['$control', '1'], /^Refused with 403 room_forbidden: .*\n$/],
    [['lobby', '1', '--api-key', READER_KEY], /^Refused with 403 scope_forbidden: .*\n$/]
  ]
  for (const [args, says] of refusals) t.match(await ask(['publish', ...args]), { code: 1, stdout: '', stderr: says })
  const url = `http://127.0.0.1:${await freePort()}`
  const nobody = await roomcast(t, folder, ['publish', 'lobby', '1', '--url', url]).exit()
  t.match(nobody, { code: 1, stderr: `Nobody answers at ${url} (ECONNREFUSED): is Roomcast running there?\n` })
})

t.test('presence says who is online and where, who is not and since when, and with --json all that the server says', async t => {
  const { connectionId } = alice
  const online = await ask(['presence', 'alice'])
  t.equal(online.code, 0)
  t.match(online.stdout, new RegExp(`^alice is online, 1 connection\\n {2}${connectionId} {2}websocket to \\S+ since 20\\S+Z\\n$`))
  const bob = await connect(t, { url: socketUrl(address), token: memberToken('bob/ü') })
  await bob.close()
  await until('bob is offline', true, async () => / is offline, last seen 20\S+Z\n$/.test((await ask(['presence', 'bob/ü'])).stdout))
  t.match(await ask(['presence', 'nobody']), { code: 0, stdout: 'nobody is offline, not seen for 30 days\n' })
  t.match(JSON.parse((await ask(['presence', 'alice', '--json'])).stdout), { userId: 'alice', online: true, connections: [{ connectionId }] })
})

t.test('without a key it says so and makes none, and the development key is that of a server started here', async t => {
  const empty = t.testdir({})
  const without = await roomcast(t, empty, ['publish', 'lobby', '1', '--url', address]).exit()
  t.match(without, { code: 1, stderr: /^There is no API key here: set API_KEYS.*\n$/ })
  t.same(readdirSync(empty), [])
  const useless = await roomcast(t, empty, ['publish', 'lobby', '1'], { env: { API_KEYS: `reader:${READER_KEY}:presence:read` } }).exit()
  t.match(useless, { code: 1, stderr: /^No key in API_KEYS has the scope publish/ })
  const url = await runServer(t, empty).ready()
  t.match(await roomcast(t, empty, ['publish', 'lobby', '1', '--url', `${url}/`]).exit(), { code: 0, stderr: '' })
})

t.end()
