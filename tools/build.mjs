// Compiles the sources to dist/, from nothing, so that what was deleted there is gone here. With `--if-stale` only when a source is younger than the last
// build. Everything it says goes to stderr: the stdout of `npm run -s token` is the token and nothing else.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const SOURCES = ['src', 'plugins', 'routes', 'client', 'examples', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
const STAMP = join('dist', '.built-at')

/** The youngest change below a path, in ms; the folders count too, since deleting a file changes only its folder. */
function changedAt (path) {
  if (!existsSync(path)) return 0
  const status = statSync(path)
  const below = status.isDirectory() ? readdirSync(path).map(name => changedAt(join(path, name))) : []
  return Math.max(status.mtimeMs, ...below)
}

function build () {
  const startedAt = Date.now()
  rmSync('dist', { recursive: true, force: true })
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: ['ignore', 2, 2] })
  // The compiler emits in spite of errors, and half a program must not look like a whole one.
  if (status !== 0) rmSync('dist', { recursive: true, force: true })
  else writeFileSync(STAMP, `${startedAt}\n`)
  return status ?? 1
}

const isStale = () => !existsSync(STAMP) || Math.max(...SOURCES.map(changedAt)) >= Number(readFileSync(STAMP, 'utf8'))

const { values } = parseArgs({ options: { 'if-stale': { type: 'boolean', default: false } } })
process.chdir(fileURLToPath(new URL('..', import.meta.url)))
if (!values['if-stale'] || isStale()) process.exitCode = build()
