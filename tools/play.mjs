// Runs a program among the tests, such as test/fuzz/main.ts, with the loader with which tap runs the tests, against servers of the present sources.
// CONTRIBUTING.md says how they are used.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
// The types are `npm run types`' business.
const env = { ...process.env, TS_NODE_TRANSPILE_ONLY: '1' }
const run = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1

process.exitCode = run('tools/build.mjs', '--if-stale') || run('--import=@tapjs/typescript/import', ...process.argv.slice(2))
