import t from 'tap'
import { connect } from '../helpers/client.ts'
import { roomcast, runServer, socketUrl } from './program.ts'

t.test('token prints one line, a token that connects to the server of the same folder', async t => {
  const folder = t.testdir({})
  const address = await runServer(t, folder).ready()
  const { code, stdout, stderr } = await roomcast(t, folder, ['token', '--sub', 'alice', '--rooms', 'lobby']).exit()
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  const alice = await connect(t, { url: socketUrl(address), token: stdout.trim() })
  t.match(alice.welcome, { userId: 'alice', rooms: [{}, {}, { room: 'lobby' }] })
  t.match(await alice.publish('lobby', 'hello'), { room: 'lobby' }, 'without --publish it may publish to its rooms')
})

t.test('token makes the development credentials, and a server that starts later takes them', async t => {
  const folder = t.testdir({})
  const { stdout } = await roomcast(t, folder, ['token', '--sub', 'alice']).exit()
  const address = await runServer(t, folder).ready()
  await connect(t, { url: socketUrl(address), token: stdout.trim() })
})

t.test('token says everything that its options say', async t => {
  const args = ['--sub', 'alice', '--rooms', 'a,b', '--subscribe', 'chat:*', '--publish', 'x,y:*', '--info', '{"name":"Alice"}', '--scope', 'presence:read', '--life', '60']
  const { stdout } = await roomcast(t, t.testdir({}), ['token', ...args]).exit()
  const claims = JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString()) as { iat: number, exp: number }
  t.match(claims, { sub: 'alice', rooms: ['a', 'b'], info: { name: 'Alice' }, scope: 'presence:read', can: { subscribe: ['chat:*'], publish: ['x', 'y:*'] } })
  t.equal(claims.exp - claims.iat, 60)
})

t.test('token signs with the secret, the algorithm, the audience and the issuer that the server checks', async t => {
  const env = { JWT_ALGORITHM: 'HS512', JWT_AUDIENCE: 'app', JWT_ISSUER: 'https://issuer.example' }
  const folder = t.testdir({ '.env': `JWT_SECRET=${'s'.repeat(32)}\n` })
  const address = await runServer(t, folder, env).ready()
  const { stdout } = await roomcast(t, folder, ['token', '--sub', 'alice'], { env }).exit()
  await connect(t, { url: socketUrl(address), token: stdout.trim() })
})

t.test('token fails with 1 where a setting is wrong, and names it', async t => {
  const { code, stderr } = await roomcast(t, t.testdir({}), ['token', '--sub', 'alice'], { env: { JWT_ALGORITHM: 'none' } }).exit()
  t.equal(code, 1)
  t.match(stderr, /^JWT_ALGORITHM: .*\n$/)
})
