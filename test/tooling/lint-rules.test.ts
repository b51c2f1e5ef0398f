import t from 'tap'
import { ESLint } from 'eslint'

const eslint = new ESLint()

async function refusals (filePath: string, source: string) {
  const results = await eslint.lintText(source, { filePath })
  return results.flatMap(result => result.messages).map(message => message.ruleId ?? message.message)
}

t.test('only the process entry and the command line read the environment', async t => {
  const source = "export const port = process.env['PORT']\n"
  for (const file of ['src/app.ts', 'src/config.ts', 'src/core/scratch.ts', 'plugins/scratch.ts', 'routes/scratch.ts', 'client/scratch.ts']) {
    t.same(await refusals(file, source), ['n/no-process-env'], file)
  }
  for (const file of ['src/server.ts', 'src/cli/scratch.ts', 'test/scratch.ts']) t.same(await refusals(file, source), [], file)
})

t.test('only the command line and the examples print', async t => {
  const source = "console.log('hello')\n"
  for (const file of ['src/server.ts', 'src/core/scratch.ts', 'plugins/scratch.ts', 'routes/scratch.ts']) t.same(await refusals(file, source), ['no-console'], file)
  for (const file of ['src/cli/scratch.ts', 'examples/scratch.ts']) t.same(await refusals(file, source), [], file)
})

t.test('nothing is typed any', async t => {
  for (const file of ['src/core/scratch.ts', 'plugins/scratch.ts', 'test/scratch.ts', 'examples/scratch.ts']) {
    t.same(await refusals(file, 'export const anything: any = 1\n'), ['@typescript-eslint/no-explicit-any'], file)
  }
})

t.test('no test is singled out', async t => {
  t.same(await refusals('test/core/scratch.test.ts', "import t from 'tap'\nt.only('alone', async t => { t.pass() })\n"), ['no-restricted-syntax'])
  t.same(await refusals('test/core/scratch.test.ts', "import t from 'tap'\nt.test('alone', { only: true }, async t => { t.pass() })\n"), ['no-restricted-syntax'])
  t.same(await refusals('test/core/scratch.test.ts', "import t from 'tap'\nt.test('among others', async t => { t.pass() })\n"), [])
})

t.test('statements end without a semicolon', async t => {
  t.same(await refusals('src/core/scratch.ts', 'export const one = 1;\n'), ['@stylistic/semi'])
})

t.test('what was built or installed is not linted', async t => {
  for (const file of ['dist/src/app.js', 'node_modules/ws/index.js', '.tap/report/index.js', 'coverage/index.js', 'bench/node_modules/ws/index.js']) {
    t.ok(await eslint.isPathIgnored(file), file)
  }
})
