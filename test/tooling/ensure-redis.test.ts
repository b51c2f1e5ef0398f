import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../tools/ensure-redis.mjs', import.meta.url))
const program = '#!/bin/sh\nexit 0\n'

/** A PATH that holds programs of these names and nothing else. */
function pathWith (t: Test, ...names: string[]): string {
  const folder = t.testdir(Object.fromEntries(names.map(name => [name, program])))
  for (const name of names) chmodSync(join(folder, name), 0o755)
  return folder
}

function run (env: Record<string, string>, ...args: string[]) {
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], { env, encoding: 'utf8' })
  return { status, stderr }
}

t.test('a redis-server on the PATH is enough', async t => {
  const PATH = pathWith(t, 'redis-server')
  t.same(run({ PATH }), { status: 0, stderr: `The tests use ${join(PATH, 'redis-server')}.\n` })
})

t.test('a valkey-server on the PATH is enough', async t => {
  const PATH = pathWith(t, 'valkey-server')
  t.same(run({ PATH }), { status: 0, stderr: `The tests use ${join(PATH, 'valkey-server')}.\n` })
})

t.test('a binary that REDIS_SERVER_BIN names comes first', async t => {
  const PATH = pathWith(t, 'redis-server', 'my-redis')
  t.match(run({ PATH, REDIS_SERVER_BIN: join(PATH, 'my-redis') }), { status: 0, stderr: join(PATH, 'my-redis') })
  t.match(run({ PATH, REDIS_SERVER_BIN: 'my-redis' }), { status: 0, stderr: join(PATH, 'my-redis') })
})

t.test('a REDIS_SERVER_BIN that cannot be run is refused by name, whatever the PATH holds', async t => {
  const PATH = pathWith(t, 'redis-server', 'apt-get', 'sudo')
  t.match(run({ PATH, REDIS_SERVER_BIN: '/no/such/redis' }), { status: 1, stderr: 'REDIS_SERVER_BIN names /no/such/redis, which cannot be run.' })
})

t.test('without a Redis and without apt-get it fails and names the commands', async t => {
  const { status, stderr } = run({ PATH: pathWith(t) })
  t.equal(status, 1)
  for (const command of ['apt-get install', 'brew install', 'apk add', 'docker run', 'REDIS_SERVER_BIN']) t.match(stderr, command)
})

t.test('a file that is not executable is not a Redis', async t => {
  const PATH = t.testdir({ 'redis-server': program, 'valkey-server': {} })
  t.equal(run({ PATH }).status, 1)
})

t.test('without a Redis and with apt-get and the right to use it, it installs the package and keeps its service from starting', async t => {
  const { status, stderr } = run({ PATH: pathWith(t, 'apt-get', 'sudo') }, '--dry-run')
  t.equal(status, 0)
  t.match(stderr, 'Installing Debian\'s package redis-server')
  t.match(stderr, /policy-rc\.d[^]*apt-get update\s+apt-get install -y --no-install-recommends redis-server/)
})

t.test('without the right to use apt-get it fails at once', { skip: process.getuid?.() === 0 && 'root always has it' }, async t => {
  t.equal(run({ PATH: pathWith(t, 'apt-get') }, '--dry-run').status, 1)
})
