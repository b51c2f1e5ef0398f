import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { DEVELOPMENT_FILE } from '../../src/development.ts'
import { connect } from '../helpers/client.ts'
import { token as sign } from '../helpers/token.ts'
import { publish, run, runServer, socketUrl } from './program.ts'

t.test('token prints one line, a token that connects to the server of the same folder', async t => {
  const folder = t.testdir({})
  const address = await runServer(t, folder).ready()
  const { code, stdout, stderr } = await run(t, { script: 'cli/token', folder, args: ['--sub', 'alice', '--rooms', 'lobby'] }).exit()
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  const alice = await connect(t, { url: socketUrl(address), token: stdout.trim() })
  t.match(alice.welcome, { userId: 'alice', rooms: [{}, {}, { room: 'lobby' }] })
  t.match(await alice.publish('lobby', 'hello'), { room: 'lobby' }, 'without --publish it may publish to its rooms')
})

t.test('token makes the development credentials, and a server that starts later takes them', async t => {
  const folder = t.testdir({})
  const { stdout } = await run(t, { script: 'cli/token', folder, args: ['--sub', 'alice'] }).exit()
  const address = await runServer(t, folder).ready()
  await connect(t, { url: socketUrl(address), token: stdout.trim() })
})

t.test('token says everything that its options say', async t => {
  const args = ['--sub', 'alice', '--rooms', 'a,b', '--subscribe', 'chat:*', '--publish', 'x,y:*', '--info', '{"name":"Alice"}', '--scope', 'presence:read', '--life', '60']
  const { stdout } = await run(t, { script: 'cli/token', folder: t.testdir({}), args }).exit()
  const claims = JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString()) as { iat: number, exp: number }
  t.match(claims, { sub: 'alice', rooms: ['a', 'b'], info: { name: 'Alice' }, scope: 'presence:read', can: { subscribe: ['chat:*'], publish: ['x', 'y:*'] } })
  t.equal(claims.exp - claims.iat, 60)
})

t.test('token signs with the secret, the algorithm, the audience and the issuer that the server checks', async t => {
  const env = { JWT_ALGORITHM: 'HS512', JWT_AUDIENCE: 'app', JWT_ISSUER: 'https://issuer.example' }
  const folder = t.testdir({ '.env': `JWT_SECRET=${'s'.repeat(32)}\n` })
  const address = await runServer(t, folder, env).ready()
  const { stdout } = await run(t, { script: 'cli/token', folder, env, args: ['--sub', 'alice'] }).exit()
  await connect(t, { url: socketUrl(address), token: stdout.trim() })
})

t.test('without --sub token prints its help and fails, and with --help it does not fail', async t => {
  const folder = t.testdir({})
  const without = await run(t, { script: 'cli/token', folder }).exit()
  t.match(without, { code: 1, stdout: '' })
  t.match(without.stderr, /--sub ID +the user's id \(required\)/)
  const asked = await run(t, { script: 'cli/token', folder, args: ['--help'] }).exit()
  t.equal(asked.code, 0)
  t.match(asked.stdout + asked.stderr, '--sub ID')
  t.notOk(existsSync(join(folder, DEVELOPMENT_FILE)), 'nothing was written')
})

const mistakes: ReadonlyArray<readonly [title: string, args: string[], says: RegExp, env?: Record<string, string>]> = [
  ['a reserved room', ['--sub', 'alice', '--rooms', '$all'], /rooms/],
  ['info that is no JSON', ['--sub', 'alice', '--info', '{name'], /info/],
  ['info that is too large', ['--sub', 'alice', '--info', JSON.stringify('i'.repeat(1_024))], /info/],
  ['a life that is no number', ['--sub', 'alice', '--life', 'long'], /life/],
  ['an option that there is not', ['--sub', 'alice', '--room', 'lobby'], /--room/],
  ['a wrong environment', ['--sub', 'alice'], /^JWT_ALGORITHM: /, { JWT_ALGORITHM: 'none' }]
]

for (const [title, args, says, env = {}] of mistakes) {
  t.test(`token refuses ${title} in one line`, async t => {
    const { code, stdout, stderr } = await run(t, { script: 'cli/token', folder: t.testdir({}), args, env }).exit()
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, says)
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  })
}

t.test('tail, as the start tells to run it, prints each frame on a line', async t => {
  const folder = t.testdir({})
  const server = runServer(t, folder)
  const address = await server.ready()
  const args = (await server.prints('how to tail', /npm run -s tail -- (.*)\n/)).split(' ')
  const key = await server.prints('an API key', /authorization: Bearer (\S+)'/)
  const tail = run(t, { script: 'cli/tail', folder, args })
  await tail.prints('its subscription', /"type":"subscribed"/)
  t.equal((await publish(address, key, '{"room":"lobby","data":"hello"}')).status, 200)
  await tail.prints('the publication', /"type":"message".*\n/)
  const frames = tail.stdout.trimEnd().split('\n').map(line => JSON.parse(line) as { type: string })
  t.match(frames, [{ type: 'welcome', userId: 'alice' }, { type: 'subscribed', room: 'lobby' }, { type: 'message', room: 'lobby', data: 'hello' }])
})

t.test('tail makes its own token, listens to the room that it is told, and says why it ends', async t => {
  const folder = t.testdir({})
  const server = runServer(t, folder)
  const address = await server.ready()
  const tail = run(t, { script: 'cli/tail', folder, args: ['--url', `${address}/`, '--sub', 'bob', '--room', 'attic'] })
  await tail.prints('its welcome', /"type":"welcome".*"userId":"bob"/)
  await tail.prints('its subscription', /"type":"subscribed".*"room":"attic"/)
  await server.stop()
  t.match((await tail.exit()).stderr, /1001 going away/)
})

t.test('tail fails in one line where it is refused or nobody listens', async t => {
  const folder = t.testdir({})
  const address = await runServer(t, folder).ready()
  const forged = sign({ sub: 'alice' }, { secret: 'a-secret-that-the-server-does-not-have' })
  for (const [args, says] of [[['--url', address, '--token', forged], /401/], [['--url', 'nonsense'], /nonsense/]] as const) {
    const { code, stderr } = await run(t, { script: 'cli/tail', folder, args }).exit()
    t.equal(code, 1)
    t.match(stderr, says)
    t.notMatch(stderr, /\n {4}at /, 'no stack')
  }
})

t.test('the npm scripts that the programs mention exist', async t => {
  const text = async (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
  const { scripts } = JSON.parse(await text('package.json')) as { scripts: Record<string, string> }
  const sources = await Promise.all(['src/development.ts', 'src/cli/token.ts', 'src/cli/tail.ts'].map(text))
  const mentioned = sources.flatMap(source => [...source.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => name))
  t.match(mentioned, ['tail', 'tail', 'token', 'tail'])
  for (const name of mentioned) t.type(scripts[name], 'string', `npm run ${name}`)
})
