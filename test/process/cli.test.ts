import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { UsageError, type Command } from '../../src/cli/command.ts'
import { commands, HELP } from '../../src/cli/commands.ts'
import { presence } from '../../src/cli/presence.ts'
import { publish } from '../../src/cli/publish.ts'
import { serve } from '../../src/cli/serve.ts'
import { tail } from '../../src/cli/tail.ts'
import { token } from '../../src/cli/token.ts'
import { connect } from '../helpers/client.ts'
import { memberToken } from '../helpers/token.ts'
import { roomcast, runServer, socketUrl } from './program.ts'

const text = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

t.test('roomcast alone serves as the server does, and says how its own commands go on', async t => {
  const folder = t.testdir({ '.env': 'PORT=0\n' })
  const server = roomcast(t, folder, [])
  const address = await server.ready()
  const printed = await server.prints('how to tail', /npx roomcast tail --url \S+ --token (\S+)\n/)
  await connect(t, { url: socketUrl(address), token: printed })
  t.match(await server.stop(), { code: 0, stderr: '' })
})

t.test('serve fails in one line where a setting is wrong', async t => {
  const { code, stderr } = await roomcast(t, t.testdir({}), ['serve'], { env: { PORT: 'abc' } }).exit()
  t.equal(code, 1)
  t.match(stderr, /^PORT: .*\n$/)
})

t.test('--help lists the commands, the exit codes and what to try, and --version is that of the package', async t => {
  const folder = t.testdir({})
  const { code, stdout, stderr } = await roomcast(t, folder, ['--help']).exit()
  t.equal(code, 0)
  t.equal(stderr, '')
  t.equal(stdout, HELP)
  for (const code of ['0 done', '1 it failed', '2 it was called wrongly']) t.match(stdout, code)
  const { version } = JSON.parse(await text('package.json')) as { version: string }
  t.equal((await roomcast(t, folder, ['--version']).exit()).stdout, `${version}\n`)
})

t.test('each command has a help with how it is called and examples, and asking for it does nothing else', async t => {
  t.match(HELP, new RegExp(commands.map(({ name, summary }) => `^ {2}${name} +${summary}$`).join('\n'), 'm'))
  for (const { name, help } of commands) {
    t.match(help, new RegExp(`^ {2}roomcast ${name}`, 'm'))
    t.match(help.split('Examples:')[1], /^ {2}.*roomcast/m, name)
  }
  const folder = t.testdir({})
  for (const args of [['help', 'publish'], ['publish', 'lobby', '1', '--help']]) {
    t.match(await roomcast(t, folder, args).exit(), { code: 0, stderr: '', stdout: publish.help })
  }
  t.same(readdirSync(folder), [], 'nothing was written')
})

const mistakes: ReadonlyArray<readonly [title: string, command: Command, args: string[], says: RegExp]> = [
  ['an option of serve that there is not', serve, ['--port', '3'], /--port/],
  ['a token without a user', token, [], /^--sub is missing/],
  ['a token with a reserved room', token, ['--sub', 'alice', '--rooms', '$all'], /rooms/],
  ['a token with info that is no JSON', token, ['--sub', 'alice', '--info', '{name'], /info/],
  ['a token with info that is too large', token, ['--sub', 'alice', '--info', JSON.stringify('i'.repeat(1_024))], /info/],
  ['a token with a life that is no number', token, ['--sub', 'alice', '--life', 'long'], /life/],
  ['a publish without a target', publish, [], /^To whom\?/],
  ['a publish without data', publish, ['lobby'], /JSON is missing/],
  ['a publish to two targets', publish, ['--user', 'alice', '--everyone', '1'], /^Name one/],
  ['a publish of two things', publish, ['lobby', '1', '2'], /^Name one/],
  ['a publish of what is no JSON', publish, ['lobby', 'hello'], /not JSON.*'"hello"'/],
  ['presence of nobody', presence, [], /^Name one user/],
  ['presence of two users', presence, ['alice', 'bob'], /^Name one user/],
  ['tail of two rooms', tail, ['a', 'b'], /^Name one room/],
  ['tail of a reserved room', tail, ['$all'], /rooms/],
  ['an address that is none', tail, ['--url', 'nonsense', '--token', 'x'], /--url.*nonsense/]
]

t.test('what is called wrongly is told in one sentence', async t => {
  for (const [title, { run }, args, says] of mistakes) {
    const error = await (async () => { await run(args) })().catch((error: Error & { code?: string }) => error)
    t.ok(error instanceof UsageError || error?.code?.startsWith('ERR_PARSE_ARGS'), title)
    t.match(error?.message, says, title)
    t.notMatch(error?.message, '\n', title)
  }
})

t.test('a command that was called wrongly ends with 2, and one line that says so and where its help is', async t => {
  const folder = t.testdir({})
  const cases = [
    [['frobnicate'], 'There is no command frobnicate (roomcast --help)\n'],
    [['token'], '--sub is missing: the user\'s id (roomcast help token)\n'],
    [['serve', '--port', '3'], /^Unknown option '--port'.* \(roomcast help serve\)\n$/]
  ] as const
  for (const [args, says] of cases) t.match(await roomcast(t, folder, args).exit(), { code: 2, stdout: '', stderr: says })
  t.same(readdirSync(folder), [], 'nothing was written')
})

t.test('commands find the server of their folder by its HOST and PORT, and say it where there is none to find', async t => {
  const address = await runServer(t, t.testdir({})).ready()
  const { port } = new URL(address)
  const forged = memberToken('alice')
  for (const env of [{ PORT: port }, { PORT: port, HOST: '0.0.0.0' }]) {
    const { code, stderr } = await roomcast(t, t.testdir({}), ['tail', '--token', forged], { env }).exit()
    t.equal(code, 1)
    t.match(stderr, /^Refused with 401 unauthorized: /, 'by whoever listens there')
  }
  const unknown = await roomcast(t, t.testdir({}), ['tail', '--token', forged], { env: { PORT: '0' } }).exit()
  t.match(unknown, { code: 1, stderr: /^PORT is 0.*--url.*\n$/ })
})

t.test('the npm scripts that the programs mention exist, and run the command', async t => {
  const { scripts, bin } = JSON.parse(await text('package.json')) as { scripts: Record<string, string>, bin: Record<string, string> }
  const sources = await Promise.all(['src/development.ts', 'src/server.ts'].map(text))
  const mentioned = sources.flatMap(source => [...source.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => name))
  t.same(mentioned, ['tail'])
  for (const name of ['tail', 'token']) t.match(scripts[name], new RegExp(`node ${bin['roomcast']} ${name}$`), `npm run ${name}`)
})
