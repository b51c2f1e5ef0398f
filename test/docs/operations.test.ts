import t from 'tap'
import { variables } from '../../src/environment.ts'
import { read, table } from './markdown.ts'

const rows = table(read('docs/operations.md'), '## Settings')
const HEAD = 'what it does, and what it costs on each side'

t.test('every variable has one row', async t => {
  t.same(rows.map(({ variable }) => variable).sort(), [...variables.keys()].sort())
})

t.test('each default is that of the code', async t => {
  for (const { variable = '', default: documented = '' } of rows) {
    const standard: unknown = variables.get(variable)?.['default']
    if (variable === 'NODE_NAME') t.match(documented, /machine/)
    else if (Array.isArray(standard)) t.ok(['', '[]'].includes(documented) && standard.length === 0, `${variable}: ${documented}`)
    else t.equal(documented, String(standard ?? ''), variable)
  }
})

t.test('each says what it does', async t => {
  for (const { variable = '', [HEAD]: words = '' } of rows) t.ok(words.length > 10, variable)
})
