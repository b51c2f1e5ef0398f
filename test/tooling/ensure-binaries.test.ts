import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../tools/ensure-binaries.mjs', import.meta.url))
const program = '#!/bin/sh\nexit 0\n'
const browser = 'chromium-headless-shell'
const proxies = ['nginx', 'haproxy']
/** What needs a binary, in the order in which it is looked for; a Redis is needed everywhere, the others in CI. */
const optional = [
  { binary: browser, variable: 'CHROMIUM_BIN' },
  { binary: 'nginx', variable: 'NGINX_BIN' },
  { binary: 'haproxy', variable: 'HAPROXY_BIN' }
]
const variables = ['REDIS_SERVER_BIN', ...optional.map(({ variable }) => variable)]

/** A PATH that holds programs of these names and nothing else. */
function pathWith (t: Test, ...names: string[]): string {
  const folder = t.testdir(Object.fromEntries(names.map(name => [name, program])))
  for (const name of names) chmodSync(join(folder, name), 0o755)
  return folder
}

function run (env: Record<string, string>, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

t.test('a Redis, a Chromium and the proxies on the PATH are enough, under any of their names', async t => {
  for (const redis of ['redis-server', 'valkey-server']) {
    for (const chromium of [browser, 'chromium', 'google-chrome']) {
      const names = [redis, chromium, ...proxies]
      const PATH = pathWith(t, ...names)
      t.same(run({ PATH }), { status: 0, stdout: '', stderr: names.map(name => `The tests use ${join(PATH, name)}.\n`).join('') })
    }
  }
})

t.test('what lies in the sbin beside a folder of the PATH is found, where users have no sbin on it', async t => {
  const folder = t.testdir({ bin: {}, sbin: { nginx: program } })
  chmodSync(join(folder, 'sbin/nginx'), 0o755)
  t.equal(run({ PATH: join(folder, 'bin') }, '--find', 'nginx').stdout, `${join(folder, 'sbin/nginx')}\n`)
})

t.test('a binary that a variable names comes first', async t => {
  const PATH = pathWith(t, 'redis-server', browser, ...proxies, 'mine')
  for (const variable of variables) {
    for (const name of [join(PATH, 'mine'), 'mine']) t.match(run({ PATH, [variable]: name }), { status: 0, stderr: `The tests use ${join(PATH, 'mine')}.` })
  }
})

t.test('a named binary that cannot be run is refused by name, whatever the PATH holds', async t => {
  const PATH = pathWith(t, 'redis-server', browser, ...proxies, 'apt-get', 'sudo')
  for (const variable of variables) {
    t.match(run({ PATH, [variable]: '/no/such/binary' }), { status: 1, stderr: `${variable} names /no/such/binary, which cannot be run.` })
  }
})

t.test('without a Redis and without apt-get it fails and names the commands', async t => {
  const { status, stderr } = run({ PATH: pathWith(t, browser, ...proxies) })
  t.equal(status, 1)
  for (const command of ['apt-get install', 'brew install', 'apk add', 'docker run', 'REDIS_SERVER_BIN']) t.match(stderr, command)
})

for (const { binary, variable } of optional) {
  t.test(`without a ${binary} and without apt-get it names the commands and says what is skipped, and in CI it fails`, async t => {
    const PATH = pathWith(t, 'redis-server', ...optional.map(other => other.binary).filter(other => other !== binary))
    const { status, stderr } = run({ PATH })
    t.equal(status, 0)
    for (const text of [`no ${binary}`, 'apt-get install', 'apk add', variable, 'tests that need it are skipped']) t.match(stderr, text)
    const inCi = run({ PATH, CI: 'true' })
    t.match(inCi, { status: 1, stderr: variable })
    t.notMatch(inCi.stderr, 'tests that need it are skipped')
  })
}

t.test('a file that is not executable is not a Redis', async t => {
  const PATH = t.testdir({ 'redis-server': program, 'valkey-server': {} })
  t.equal(run({ PATH }).status, 1)
})

t.test('what is missing is installed, where apt-get is there and may be used, and no service is started by it', async t => {
  const { status, stderr } = run({ PATH: pathWith(t, 'apt-get', 'sudo') }, '--dry-run')
  t.equal(status, 0)
  for (const name of ['redis-server', browser, ...proxies]) {
    t.match(stderr, `Installing Debian's package ${name}`)
    t.match(stderr, new RegExp(`policy-rc\\.d[^]*apt-get update\\s+apt-get install -y --no-install-recommends ${name}\n`))
  }
  t.notMatch(run({ PATH: pathWith(t, 'redis-server', 'apt-get', 'sudo') }, '--dry-run').stderr, 'package redis-server', 'what is there stays as it is')
})

t.test('without the right to use apt-get it fails at once', { skip: process.getuid?.() === 0 && 'root always has it' }, async t => {
  t.equal(run({ PATH: pathWith(t, 'apt-get') }, '--dry-run').status, 1)
})

t.test('asked where a binary is, it prints that and nothing else, and installs nothing', async t => {
  const PATH = pathWith(t, 'redis-server', 'chromium', 'apt-get', 'sudo')
  t.same(run({ PATH }, '--find', 'chromium'), { status: 0, stdout: `${join(PATH, 'chromium')}\n`, stderr: '' })
  t.same(run({ PATH: pathWith(t, 'apt-get', 'sudo') }, '--find', 'chromium'), { status: 1, stdout: '', stderr: '' })
})
