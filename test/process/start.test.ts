import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { DEVELOPMENT_FILE } from '../../src/development.ts'
import { connect, connectRefused } from '../helpers/client.ts'
import { API_KEY } from '../helpers/server-process.ts'
import { JWT_SECRET, memberToken } from '../helpers/token.ts'
import { publish, runServer, socketUrl } from './program.ts'

/** What a server needs that is not a developer's. */
const credentials = { JWT_SECRET, API_KEYS: `tests:${API_KEY}` }

t.test('a wrong value stops the start with one line that names the variable', async t => {
  const folder = t.testdir({})
  for (const [variable, value] of [['PORT', 'abc'], ['JWT_SECRET', 'hunter2'], ['BRIDGE', 'legacy=orders']] as const) {
    const { code, stderr, stdout } = await runServer(t, folder, { [variable]: value }).exit()
    t.equal(code, 1, `${variable}=${value}`)
    t.match(stderr, new RegExp(`^${variable}: .*\n$`))
    t.notMatch(stderr + stdout, 'hunter2')
  }
  t.notOk(existsSync(join(folder, DEVELOPMENT_FILE)), 'nothing was written')
})

t.test('a token without the audience or the issuer that is asked for is refused', async t => {
  const folder = t.testdir({})
  for (const [env, claims] of [[{ JWT_AUDIENCE: 'app' }, { aud: 'app' }], [{ JWT_ISSUER: 'https://issuer.example' }, { iss: 'https://issuer.example' }]] as const) {
    const url = socketUrl(await runServer(t, folder, { ...credentials, ...env }).ready())
    await connect(t, { url, token: memberToken('alice', claims) })
    const [claim] = Object.keys(claims)
    t.equal((await connectRefused(t, { url, token: memberToken('alice', { [String(claim)]: 'another' }) })).status, 401, `another ${claim}`)
    t.equal((await connectRefused(t, { url, token: memberToken('alice') })).status, 401, `no ${claim}`)
  }
})

t.test('with secrets it starts in production, writes no development file and prints no credential', async t => {
  const folder = t.testdir({})
  const server = runServer(t, folder, { ...credentials, NODE_ENV: 'production' })
  const address = await server.ready()
  await connect(t, { url: socketUrl(address), token: memberToken('alice') })
  t.equal((await publish(address, API_KEY, '{"room":"lobby","data":1}')).status, 200)
  const { stdout, stderr } = await server.stop()
  t.notOk(existsSync(join(folder, DEVELOPMENT_FILE)))
  for (const secret of ['eyJ', JWT_SECRET, API_KEY]) t.notOk((stdout + stderr).includes(secret))
})

t.test('each request is one line of the log, with what it came to and without its query; a connection is none', async t => {
  const server = runServer(t, t.testdir({}), credentials)
  const address = await server.ready()
  await publish(address, API_KEY, '{"room":"lobby","data":1}')
  await publish(address, 'another-key', '{"room":"lobby","data":1}')
  await fetch(`${address}/presence/alice?token=hunter2`)
  await connect(t, { url: socketUrl(address), token: memberToken('alice') })
  await connectRefused(t, { url: `${socketUrl(address)}?token=hunter2` })
  const { stdout } = await server.stop()
  const lines = stdout.split('\n').filter(line => line.includes('"reqId"')).map(line => JSON.parse(line) as { msg: string, req: { method: string, path: string }, res: object })
  t.same(lines.map(({ msg, req: { method, path }, res }) => [msg, method, path, res]), [
    ['request completed', 'POST', '/publish', { statusCode: 200 }],
    ['request completed', 'POST', '/publish', { statusCode: 401 }],
    ['request completed', 'GET', '/presence/alice', { statusCode: 401 }],
    ['request completed', 'GET', '/ws', { statusCode: 401 }]
  ])
})

t.test('a .env file in the folder is loaded, and the environment wins over it', async t => {
  const content = [`JWT_SECRET=${JWT_SECRET}`, `API_KEYS=${credentials.API_KEYS}`, 'NODE_NAME=of-the-file', '# HOST=0.0.0.0', ''].join('\n')
  const folder = t.testdir({ '.env': content })
  const address = await runServer(t, folder).ready()
  t.notOk(existsSync(join(folder, DEVELOPMENT_FILE)), 'its secrets are used')
  const alice = await connect(t, { url: socketUrl(address), token: memberToken('alice') })
  t.equal(alice.welcome.nodeName, 'of-the-file')

  const other = await runServer(t, folder, { NODE_NAME: 'of-the-environment' }).ready()
  const bob = await connect(t, { url: socketUrl(other), token: memberToken('bob') })
  t.equal(bob.welcome.nodeName, 'of-the-environment')
})

t.test('a wrong value in a .env file is named like any other', async t => {
  const { code, stderr } = await runServer(t, t.testdir({ '.env': 'DRAIN_MS=soon\n' })).exit()
  t.equal(code, 1)
  t.match(stderr, /^DRAIN_MS: Expected integer.*\n$/)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`${signal} ends it with exit code 0 and its connections with 1001`, async t => {
    const server = runServer(t, t.testdir({}), credentials)
    const alice = await connect(t, { url: socketUrl(await server.ready()), token: memberToken('alice') })
    t.match(await server.stop(signal), { code: 0, signal: null })
    t.match(await alice.closed, { code: 1001 })
  })
}

t.test('a port that is in use ends the start with a failure that says so', async t => {
  const occupant = createServer().listen(0, '127.0.0.1')
  t.after(() => { occupant.close() })
  await once(occupant, 'listening')
  const { port } = occupant.address() as AddressInfo
  const { code, signal, stdout, stderr } = await runServer(t, t.testdir({}), { ...credentials, PORT: String(port) }).exit()
  t.equal(code, 1)
  t.equal(signal, null)
  t.match(stdout + stderr, `address already in use 127.0.0.1:${port}`)
})

t.test('a Redis URL that cannot be read stops the start by its name and never shows the password', async t => {
  const { code, stdout, stderr } = await runServer(t, t.testdir({}), { ...credentials, REDIS_URL: 'redis://:hunter2@127.0.0.1:port' }).exit()
  t.equal(code, 1)
  t.match(stdout + stderr, 'REDIS_URL')
  t.notOk((stdout + stderr).includes('hunter2'))
})
