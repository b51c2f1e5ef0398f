// Runs before the tests. They start their own servers and browsers, so binaries are all they need: this finds them, or installs Debian's packages
// where nobody must be asked, or says how to get them. Without a Redis it fails, and so it does in CI without any of the others; elsewhere the tests
// that need a browser or a proxy are skipped. `--find chromium` only prints where it is.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const needs = [
  {
    name: 'redis',
    title: 'a Redis',
    binaries: ['redis-server', 'valkey-server'],
    variable: 'REDIS_SERVER_BIN',
    debianPackage: 'redis-server',
    isRequired: true,
    howTo: `Install one of them:
  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends redis-server
  macOS:           brew install redis
  Alpine:          apk add redis
  Docker:          docker run --rm -v "$PWD:/app" -w /app node:22 sh -c "npm ci && npm test"
or name a binary in REDIS_SERVER_BIN.`
  },
  {
    name: 'chromium',
    title: 'a Chromium',
    binaries: ['chromium-headless-shell', 'chromium', 'google-chrome'],
    variable: 'CHROMIUM_BIN',
    debianPackage: 'chromium-headless-shell',
    // Who names one wants it.
    isRequired: Boolean(process.env.CI || process.env.CHROMIUM_BIN),
    howTo: `Install one of them:
  Debian:  sudo apt-get install -y --no-install-recommends chromium-headless-shell
  Alpine:  apk add chromium
or name a binary in CHROMIUM_BIN.`
  },
  proxy({ name: 'nginx', title: 'nginx', variable: 'NGINX_BIN' }),
  proxy({ name: 'haproxy', title: 'HAProxy', variable: 'HAPROXY_BIN' })
]

/** A load balancer, whose binary and package have one name everywhere. */
function proxy ({ name, title, variable }) {
  return {
    name,
    title,
    binaries: [name],
    variable,
    debianPackage: name,
    isRequired: Boolean(process.env.CI || process.env[variable]),
    howTo: `Install it:
  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends ${name}
  macOS:           brew install ${name}
  Alpine:          apk add ${name}
or name a binary in ${variable}.`
  }
}

// A package may start a service and leave it running; policy-rc.d is how Debian is told not to.
const installation = debianPackage => `set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends ${debianPackage}`

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
  // Servers lie beside what users call, where Debian's PATH has it for root only.
  return folders.flatMap(folder => [join(folder, name), join(folder, '../sbin', name)]).find(executable)
}

function find ({ binaries, variable }) {
  const named = process.env[variable]
  if (named) return named.includes('/') ? [resolve(named)].find(executable) : which(named)
  return binaries.map(which).find(Boolean)
}

/** The command that installs a package without asking anybody, or none. */
function installer ({ variable, debianPackage }) {
  if (process.env[variable] || !which('apt-get')) return undefined
  const script = installation(debianPackage)
  if (process.getuid?.() === 0) return ['/bin/sh', '-c', script]
  const sudo = which('sudo')
  const isAllowed = sudo && spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0
  return isAllowed ? [sudo, '-n', '/bin/sh', '-c', script] : undefined
}

function missing ({ title, binaries, variable }) {
  const named = process.env[variable]
  return named ? `${variable} names ${named}, which cannot be run.` : `The tests need ${title}, and there is no ${binaries.join(' and no ')} on the PATH.`
}

/** What came of one need, in words. Throws where it is not met. */
function ensure (need, { dryRun }) {
  const found = find(need)
  if (found) return `The tests use ${found}.`
  const [command, ...args] = installer(need) ?? []
  if (!command) throw new Error(`${missing(need)} ${need.howTo}`)
  say(`${missing(need)} Installing Debian's package ${need.debianPackage}.`)
  if (dryRun) return `Would run: ${[command, ...args].join(' ')}`
  // What apt-get prints belongs to the log of a run, not to its output.
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  const installed = find(need)
  if (status !== 0 || !installed) throw new Error(`The installation did not succeed. ${need.howTo}`)
  return `The tests use ${installed}.`
}

/** Whether the tests can go on. */
function isMet (need, options) {
  try {
    say(ensure(need, options))
    return true
  } catch (error) {
    say(error.message)
    if (!need.isRequired) say('Until then the tests that need it are skipped.')
    return !need.isRequired
  }
}

const say = text => { process.stderr.write(`${text}\n`) }

const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false }, find: { type: 'string' } } })
if (values.find === undefined) {
  if (!needs.every(need => isMet(need, { dryRun: values['dry-run'] }))) process.exitCode = 1
} else {
  const found = find(needs.find(({ name }) => name === values.find))
  if (found) process.stdout.write(`${found}\n`)
  else process.exitCode = 1
}
