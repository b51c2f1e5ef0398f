// Runs a program among the tests, such as test/fuzz/main.ts, with the loader with which the tests run, against servers of the present sources.
// CONTRIBUTING.md says how they are used.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const run = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1

process.exitCode = run('tools/build.mjs', '--if-stale') || run('--import=./tools/typescript-import.mjs', ...process.argv.slice(2))
