import t, { type Test } from 'tap'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const reporter = fileURLToPath(new URL('../../tools/reporter.mjs', import.meta.url))
const tap = fileURLToPath(import.meta.resolve('tap')).replace(/dist\/.*$/, 'dist/esm/run.mjs')

/** Runs tap with the reporter on files made for the occasion, as a shell would, and not as a child of the tap that runs this test. */
function report (t: Test, files: Record<string, string>, fileTimeoutSeconds = 30): Promise<{ stdout: string, lastLine: string | undefined, exitCode: number }> {
  const cwd = t.testdir({ 'package.json': '{ "type": "module" }', '.taprc': 'disable-coverage: true\n', ...files })
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TAP|_TAPJS|NODE_OPTIONS)/.test(name)))
  const args = [tap, '--jobs=2', `--timeout=${fileTimeoutSeconds}`, `--reporter=${reporter}`, ...Object.keys(files)]
  return new Promise(resolve => {
    const child = execFile(process.execPath, args, { cwd, env, timeout: 60_000 }, (_error, stdout) => {
      resolve({ stdout, lastLine: stdout.trimEnd().split('\n').at(-1), exitCode: child.exitCode ?? -1 })
    })
  })
}

const partOfFile = (stdout: string, file: string) => stdout.split(/^(?=FAIL|ok )/m).find(part => part.includes(` ${file}.test.mjs: `)) ?? ''

const passing = `import t from 'tap'
t.test('two and two', async t => {
  t.equal(2 + 2, 4)
  t.test('is four again', async t => { t.ok(true) })
})
`

t.test('a run in which all is well ends with the count of its assertions and exits 0', async t => {
  const { stdout, lastLine, exitCode } = await report(t, { 'passing.test.mjs': passing })
  t.equal(lastLine, '2 passed, 0 failed')
  t.equal(exitCode, 0)
  t.match(stdout, /^ok {4}passing\.test\.mjs: 2 passed/m)
})

t.test('a run in which some fails', async t => {
  const failing = `import t from 'tap'
console.log('what the file printed')
t.test('an outer title', async t => {
  t.ok(true)
  t.test('an inner title', async t => { t.equal(1, 2, 'one is two') })
})
`
  const throwing = `import t from 'tap'
t.test('a title', async () => { throw new Error('what went wrong', { cause: new Error('why it did') }) })
`
  const { stdout, lastLine, exitCode } = await report(t, {
    'passing.test.mjs': passing,
    'failing.test.mjs': failing,
    'throwing.test.mjs': throwing,
    'unkept.test.mjs': "import t from 'tap'\nt.test('promises two', async t => { t.plan(2); t.ok(true) })\n",
    'crashing.test.mjs': `${passing}throw new Error('crashed while loading')\n`,
    'exiting.test.mjs': "import t from 'tap'\nt.ok(true)\nprocess.exit(3)\n",
    'unreadable.test.mjs': "import t from 'tap\n"
  })
  const partOf = (file: string) => partOfFile(stdout, file)

  t.test('ends with both counts, and with a code', async t => {
    t.equal(lastLine, '7 passed, 6 failed')
    t.equal(exitCode, 1)
  })

  t.test('shows a failure with its titles, place, difference and stack', async t => {
    t.match(partOf('failing'), /^FAIL {2}failing\.test\.mjs: 1 passed, 1 failed/)
    t.match(partOf('failing'), 'an outer title > an inner title > one is two')
    t.match(partOf('failing'), /at failing\.test\.mjs:5:\d+/)
    t.match(partOf('failing'), /-2\n\s+\+1\n/)
    t.match(partOf('failing'), /Test\.<anonymous> \(.*failing\.test\.mjs:5/)
    t.match(partOf('failing'), 'what the file printed')
  })

  t.test('shows an error thrown in a test with its message, stack and cause', async t => {
    t.match(partOf('throwing'), 'a title > what went wrong')
    t.match(partOf('throwing'), 'why it did')
    t.match(partOf('throwing'), /Test\.<anonymous> \(.*throwing\.test\.mjs:2/)
  })

  t.test('counts a subtest that misses its plan', async t => {
    t.match(partOf('unkept'), /: 1 passed, 1 failed[^]*promises two/)
  })

  t.test('counts a file that crashes, ends with a code or cannot be read', async t => {
    t.match(partOf('crashing'), /: 2 passed, 1 failed[^]*crashed while loading/)
    t.match(partOf('exiting'), /: 1 passed, 1 failed[^]*the file failed as a whole\s+\{ exitCode: 3/)
    t.match(partOf('unreadable'), /: 0 passed, 1 failed[^]*the file failed as a whole/)
  })
})

t.test('a file that asserts nothing is a failure, although tap is content with it', async t => {
  const { stdout, lastLine, exitCode } = await report(t, {
    'empty.test.mjs': 'export const nothing = 1\n',
    'titles.test.mjs': "import t from 'tap'\nt.test('a title and nothing else', async () => {})\n",
    'skipping.test.mjs': "import t from 'tap'\nt.test('all of it', { skip: 'not today' }, async t => { t.ok(true) })\n"
  })
  t.equal(lastLine, '0 passed, 3 failed')
  t.equal(exitCode, 1)
  for (const file of ['empty', 'titles', 'skipping']) t.match(partOfFile(stdout, file), /: 0 passed, 1 failed[^]*the file asserted nothing/)
  t.match(partOfFile(stdout, 'skipping'), 'skipped: all of it (not today)')
})

t.test('a file that never ends is a failure, and the run ends all the same', async t => {
  const hanging = "import t from 'tap'\nt.test('waits for ever', async () => { await new Promise(() => { setInterval(() => {}, 1_000) }) })\n"
  const { stdout, lastLine, exitCode } = await report(t, { 'hanging.test.mjs': hanging }, 3)
  t.match(lastLine, /^0 passed, [1-9]\d* failed$/)
  t.equal(exitCode, 1)
  t.match(stdout, /^FAIL {2}hanging\.test\.mjs/m)
})
