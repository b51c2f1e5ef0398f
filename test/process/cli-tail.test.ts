import t from 'tap'
import { freePort } from '../helpers/free-port.ts'
import { API_KEY } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken, token as sign } from '../helpers/token.ts'
import { publish, roomcast, runServer, type Program } from './program.ts'

const env = { JWT_SECRET, API_KEYS: `tests:${API_KEY}` }

function linesOf ({ stdout }: Program): Array<Record<string, unknown>> {
  return stdout.trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
}

t.test('tail, as the start tells to run it, prints each publication on a line', async t => {
  const folder = t.testdir({})
  const server = runServer(t, folder)
  const address = await server.ready()
  const args = (await server.prints('how to tail', /npm run -s tail -- (.*)\n/)).split(' ')
  const key = await server.prints('an API key', /authorization: Bearer (\S+)'/)
  const tail = roomcast(t, folder, ['tail', ...args])
  await tail.prints('its subscription', /"type":"subscribed"/)
  t.equal((await publish(address, key, '{"room":"lobby","data":"hello"}')).status, 200)
  await tail.prints('the publication', /"type":"message".*\n/)
  t.match(linesOf(tail), [{ type: 'subscribed', room: 'lobby', offset: 0 }, { type: 'message', room: 'lobby', offset: 1, data: 'hello' }])
  t.match(await tail.stop('SIGINT'), { code: 0, stderr: /^\* connected as alice\n/m })
})

t.test('tail makes its own token, prints what comes to its user and to everyone too, and who is there', async t => {
  const folder = t.testdir({})
  const address = await runServer(t, folder, env).ready()
  const tail = roomcast(t, folder, ['tail', 'attic', '--url', `${address}/`, '--sub', 'bob', '--presence'], { env })
  await tail.prints('who is there', /"type":"members","room":"attic","members":\[\{"userId":"bob"/)
  for (const target of ['"room":"attic"', '"user":"bob"', '"everyone":true']) await publish(address, API_KEY, `{${target},"data":"\\u009bred"}`)
  await tail.prints('all three', /(?:"type":"message"[^]*){3}\n/)
  t.same(linesOf(tail).filter(({ type }) => type === 'message').map(({ room }) => room).sort(), ['$all', '$user:bob', 'attic'])
  t.notMatch(tail.stdout, '\u009b', 'nothing that a terminal would obey')
  t.match(linesOf(tail).at(-1), { data: '\u009bred' })
})

t.test('after a lost connection tail goes on where it was', async t => {
  const folder = t.testdir({})
  const port = String(await freePort())
  const server = runServer(t, folder, { ...env, PORT: port })
  const address = await server.ready()
  const tail = roomcast(t, folder, ['tail'], { env: { ...env, PORT: port } })
  await tail.prints('its subscription', /"type":"subscribed"/)
  await server.stop()
  await tail.complains('word of the loss', /\* the connection is lost; coming back\n/)
  await runServer(t, folder, { ...env, PORT: port }).ready()
  await tail.prints('that the numbering is another', /"type":"gap","room":"lobby"/)
  await tail.prints('its second subscription', /(?:"type":"subscribed"[^]*){2}/)
  await publish(address, API_KEY, '{"room":"lobby","data":"again"}')
  await tail.prints('the publication', /"type":"message".*"again"/)
})

t.test('tail fails in one line where it is refused or nobody listens', async t => {
  const folder = t.testdir({})
  const address = await runServer(t, folder, env).ready()
  const forged = sign({ sub: 'alice' }, { secret: 'a-secret-that-the-server-does-not-have' })
  const cases: ReadonlyArray<readonly [args: string[], says: RegExp]> = [
    [['--url', address, '--token', forged], /^Refused with 401 unauthorized: .*\n$/],
    [['--url', `http://127.0.0.1:${await freePort()}`, '--token', forged], /^Nobody answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): .*\n$/],
    [['--url', address, '--token', sign({ sub: 'alice' }), 'staff'], /^Not in this room: room_forbidden: .*\n$/m]
  ]
  for (const [args, says] of cases) {
    const { code, stderr, stdout } = await roomcast(t, folder, ['tail', ...args]).exit()
    t.equal(code, 1, stderr)
    t.match(stderr, says)
    t.equal(stdout, '')
    t.notMatch(stderr, /\n {4}at /, 'no stack')
  }
})

t.test('tail ends with 1 where its token is revoked, and it has no other', async t => {
  const folder = t.testdir({})
  const address = await runServer(t, folder, env).ready()
  const tail = roomcast(t, folder, ['tail', '--url', address, '--token', memberToken('alice', { rooms: ['lobby'] })])
  await tail.prints('its subscription', /"type":"subscribed"/)
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ user: 'alice', issuedBefore: Date.now() + 60_000, expiresAt: Date.now() + 60_000 })
  t.equal((await fetch(`${address}/revocations`, { method: 'POST', headers, body })).status, 201)
  const { code, stderr } = await tail.exit()
  t.equal(code, 1)
  t.match(stderr, /^Closed for good: unauthorized: Token refused\n$/m)
})
