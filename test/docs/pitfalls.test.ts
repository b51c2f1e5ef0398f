import { existsSync } from 'node:fs'
import t from 'tap'
import { pathOf, read, table } from './markdown.ts'

const NUMBERS = Array.from({ length: 56 }, (_, index) => `P${String(index + 1).padStart(2, '0')}`)

const rows = table(read('docs/pitfalls.md'), '## The list')

/** The numbers with which the titles of a test file begin. */
function numbersIn (file: string): Set<string> {
  const titles = read(file).matchAll(/\.test\(\s*['"`]((?:P\d\d(?:, )?)+): /g)
  return new Set([...titles].flatMap(([, numbers = '']) => numbers.split(', ')))
}

t.test('every pitfall has one row', async t => {
  t.same(rows.map(({ number }) => number), NUMBERS)
})

t.test('each file that proves a pitfall has a test whose title begins with its number', async t => {
  const missing: string[] = []
  for (const { number = '', 'proved by': files = '' } of rows) {
    const named = files.match(/[\w./-]+\.test\.ts/g) ?? []
    if (named.length === 0) missing.push(`${number} in any file`)
    for (const file of named) if (!existsSync(pathOf(file)) || !numbersIn(file).has(number)) missing.push(`${number} in ${file}`)
  }
  t.same(missing, [])
})
