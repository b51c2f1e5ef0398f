import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { DEVELOPMENT_FILE } from '../../src/development.ts'
import { connect } from '../helpers/client.ts'
import { API_KEY } from '../helpers/server-process.ts'
import { JWT_SECRET } from '../helpers/token.ts'
import { publish, runServer, socketUrl, type Program } from './program.ts'

/** What the introduction of a development start tells to do. */
async function introduction (server: Program): Promise<{ token: string, tailArgs: string[], key: string, body: string }> {
  await server.prints('the second command', /curl [^]+?\/publish\n/)
  const caught = (pattern: RegExp) => pattern.exec(server.stdout)?.[1] ?? ''
  return {
    token: caught(/good for 24 hours:\n\n {2}(\S+)\n/),
    tailArgs: caught(/npm run -s tail -- (.*)\n/).split(' '),
    key: caught(/authorization: Bearer (\S+)'/),
    body: caught(/-d '(.*?)'/)
  }
}

t.test('with nothing set it starts on loopback, and both credentials that it prints work', async t => {
  const folder = t.testdir({})
  const server = runServer(t, folder)
  const address = await server.ready()
  t.match(address, /^http:\/\/127\.0\.0\.1:\d+$/)
  const { token, tailArgs, key, body } = await introduction(server)
  t.same(tailArgs, ['--url', address, '--token', token])

  const alice = await connect(t, { url: socketUrl(address), token })
  t.match(alice.welcome, { userId: 'alice', rooms: [{}, {}, { room: 'lobby' }] })
  t.equal((await publish(address, key, body)).status, 200)
  t.match(server.stdout, `${address}/console`)
  t.equal((await fetch(`${address}/console`)).status, 200, 'the console that it names is there')
  t.match(await alice.inbox.next('what the command publishes'), { type: 'message', room: 'lobby', data: 'hello' })
  t.match(await alice.publish('lobby', 'hello too'), { room: 'lobby' }, 'alice may publish, too')
})

t.test('the development credentials are in a file that only its owner reads and git ignores, and a restart keeps them', async t => {
  const folder = t.testdir({})
  const file = join(folder, DEVELOPMENT_FILE)
  const first = runServer(t, folder)
  await first.ready()
  const before = await introduction(first)
  const kept = await readFile(file, 'utf8')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(JSON.parse(kept), { jwtSecret: /^[\w-]{43}$/, apiKey: before.key })
  t.equal((await first.stop()).code, 0)

  const second = runServer(t, folder)
  const address = await second.ready()
  t.equal((await introduction(second)).key, before.key)
  t.equal(await readFile(file, 'utf8'), kept)
  await connect(t, { url: socketUrl(address), token: before.token })
  const ignored = await readFile(new URL('../../.gitignore', import.meta.url), 'utf8')
  t.ok(ignored.split('\n').includes(DEVELOPMENT_FILE))
})

t.test('two folders have different credentials', async t => {
  const folder = t.testdir({ one: {}, other: {} })
  const one = await introduction(runServer(t, join(folder, 'one')))
  const other = await introduction(runServer(t, join(folder, 'other')))
  t.not(one.key, other.key)
})

t.test('the token that is printed carries the audience and issuer that are asked for', async t => {
  const server = runServer(t, t.testdir({}), { JWT_AUDIENCE: 'app', JWT_ISSUER: 'https://issuer.example' })
  const address = await server.ready()
  const { token } = await introduction(server)
  await connect(t, { url: socketUrl(address), token })
})

t.test('a development file that Roomcast did not write stops the start and is named', async t => {
  for (const content of ['', '{"jwtSecret":"short","apiKey":"short"}']) {
    const { code, stderr } = await runServer(t, t.testdir({ [DEVELOPMENT_FILE]: content })).exit()
    t.equal(code, 1, `holding "${content}"`)
    t.match(stderr, /^\.roomcast-dev\.json: .*\n$/)
  }
})

t.test('without secrets it refuses to start in production and off loopback, and names what is missing', async t => {
  const folder = t.testdir({})
  const refusals: ReadonlyArray<readonly [env: Record<string, string>, names: RegExp]> = [
    [{ NODE_ENV: 'production' }, /^JWT_SECRET, API_KEYS: must be set.*\n$/],
    [{ HOST: '0.0.0.0' }, /^JWT_SECRET, API_KEYS: must be set.*\n$/],
    [{ NODE_ENV: 'production', JWT_SECRET }, /^API_KEYS: must be set.*\n$/],
    [{ HOST: '0.0.0.0', API_KEYS: `tests:${API_KEY}` }, /^JWT_SECRET: must be set.*\n$/]
  ]
  for (const [env, names] of refusals) {
    const { code, stderr, stdout } = await runServer(t, folder, env).exit()
    t.equal(code, 1, JSON.stringify(Object.keys(env)))
    t.match(stderr, names)
    t.equal(stdout, '')
  }
  t.notOk(existsSync(join(folder, DEVELOPMENT_FILE)), 'nothing was written')
})
