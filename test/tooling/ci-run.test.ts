import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../.ci/run', import.meta.url))

/** Runs .ci/run on a folder whose npm is a shell script: `install` is what `npm ci` does there, `check` what `npm run check` does. */
function run (t: Test, { install = 'true', check }: { install?: string, check: string }) {
  const folder = t.testdir({ '.ci': {}, bin: { npm: `#!/bin/sh\ncase "$1" in\nci) ${install} ;;\nrun) ${check} ;;\nesac\n` } })
  chmodSync(join(folder, 'bin', 'npm'), 0o755)
  cpSync(script, join(folder, '.ci', 'run'))
  const { status, stdout } = spawnSync(join(folder, '.ci', 'run'), { env: { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }, encoding: 'utf8' })
  return { status, lastLine: stdout.split('\n').at(-2), summaries: stdout.match(/^\d+ passed, \d+ failed$/gm)?.length }
}

t.test('when all is well the last line is the summary of the tests, once, and the code is 0', async t => {
  t.same(run(t, { check: 'echo "12 passed, 0 failed"' }), { status: 0, lastLine: '12 passed, 0 failed', summaries: 1 })
})

t.test('when tests failed the summary comes after what npm says about it', async t => {
  const { status, lastLine } = run(t, { check: 'echo "11 passed, 1 failed"; echo "npm error" >&2; exit 1' })
  t.same({ status, lastLine }, { status: 1, lastLine: '11 passed, 1 failed' })
})

t.test('when the check ended before the tests, one failure is counted', async t => {
  t.match(run(t, { check: 'echo "a lint error"; exit 1' }), { status: 1, lastLine: '0 passed, 1 failed' })
  t.match(run(t, { install: 'exit 7', check: 'echo "12 passed, 0 failed"' }), { status: 7, lastLine: '0 passed, 1 failed' })
})

t.test('when the check failed although no test did, one failure is counted', async t => {
  t.match(run(t, { check: 'echo "12 passed, 0 failed"; exit 3' }), { status: 3, lastLine: '12 passed, 1 failed' })
})

t.test('when nothing was counted, nothing was tested', async t => {
  t.match(run(t, { check: 'echo "hello"' }), { status: 1, lastLine: '0 passed, 1 failed' })
})

t.test('the check knows that it runs in CI, where nothing may be missing', async t => {
  t.match(run(t, { check: 'test "$CI" = true && echo "12 passed, 0 failed"' }), { status: 0, lastLine: '12 passed, 0 failed' })
})

t.test('the tests run by the command of the README', async t => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { scripts: Record<string, string> }
  t.match(scripts['check'], /&& npm test$/)
})
