// Runs before the tests that need a Redis. They start their own servers, so a binary is all they need: this finds one, or installs Debian's package
// where nobody must be asked, or says how to get one and fails. It never lets the tests be skipped.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const BINARIES = ['redis-server', 'valkey-server']

const HOW_TO = `Install one of them:
  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends redis-server
  macOS:           brew install redis
  Alpine:          apk add redis
  Docker:          docker run --rm -v "$PWD:/app" -w /app node:22 sh -c "npm ci && npm test"
or name a binary in REDIS_SERVER_BIN.`

// The package would start a service on the default port and leave it running; policy-rc.d is how Debian is told not to.
const INSTALL = `set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends redis-server`

function executable (path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function which (name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return folders.map(folder => join(folder, name)).find(executable)
}

function findRedis () {
  const named = process.env.REDIS_SERVER_BIN
  if (named) return named.includes('/') ? [resolve(named)].find(executable) : which(named)
  return BINARIES.map(which).find(Boolean)
}

/** The command that installs the package without asking anybody, or none. */
function installer () {
  if (process.env.REDIS_SERVER_BIN || !which('apt-get')) return undefined
  if (process.getuid?.() === 0) return ['/bin/sh', '-c', INSTALL]
  const sudo = which('sudo')
  const isAllowed = sudo && spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0
  return isAllowed ? [sudo, '-n', '/bin/sh', '-c', INSTALL] : undefined
}

function missing () {
  const named = process.env.REDIS_SERVER_BIN
  return named ? `REDIS_SERVER_BIN names ${named}, which cannot be run.` : 'The tests need a Redis, and there is no redis-server and no valkey-server on the PATH.'
}

function main ({ dryRun }) {
  const found = findRedis()
  if (found) return `The tests use ${found}.`
  const [command, ...args] = installer() ?? []
  if (!command) throw new Error(`${missing()} ${HOW_TO}`)
  process.stderr.write(`${missing()} Installing Debian's package redis-server.\n`)
  if (dryRun) return `Would run: ${[command, ...args].join(' ')}`
  // What apt-get prints belongs to the log of a run, not to its output.
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  const installed = findRedis()
  if (status !== 0 || !installed) throw new Error(`The installation did not succeed. ${HOW_TO}`)
  return `The tests use ${installed}.`
}

const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } })
try {
  process.stderr.write(`${main({ dryRun: values['dry-run'] })}\n`)
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
