import { existsSync } from 'node:fs'
import t from 'tap'
import { variables } from '../../src/environment.ts'
import { pathOf, read, table } from './markdown.ts'

const page = read('SECURITY.md')
const [, model = ''] = page.split('## Threat model')
const PROOF = /`(test\/[\w/.-]+\.test\.ts)`/g

function proofsIn (text: string): string[] {
  return [...text.matchAll(PROOF)].map(([, path = '']) => path)
}

t.test('it says whom to write to, how long that takes, and what there was', async t => {
  t.match(page, /private security advisory/)
  t.match(page, /within three working\s+days/)
  t.match(page, /^## History$/m)
})

t.test('every test that it names exists', async t => {
  t.ok(proofsIn(page).length > 20)
  for (const path of proofsIn(page)) t.ok(existsSync(pathOf(path)), path)
})

t.test('every setting that it names exists', async t => {
  const named = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+|ROOMS|BRIDGE|HOST|PORT)`/g)].map(([, name = '']) => name)
  t.ok(named.length > 8)
  for (const name of named) t.ok(variables.has(name), name)
})

t.test('every actor has a place: what they try, what stops it, and a proof', async t => {
  const actors = [...model.matchAll(/^### (An? .+|Another .+|The .+)$/gm)].map(([, heading = '']) => heading)
  t.equal(actors.length, 6)
  for (const actor of actors) {
    const section = model.split(`### ${actor}\n`)[1]?.split('\n### ')[0] ?? ''
    t.ok(proofsIn(section).length > 0, actor)
    for (const row of section.split('\n').filter(line => line.startsWith('| to ') || line.startsWith('| what '))) t.ok(proofsIn(row).length > 0, row)
  }
})

t.test('every close code that it names is in the protocol', async t => {
  const codes = table(read('docs/protocol.md'), '## Close codes').map(({ code }) => code)
  for (const [, code = ''] of model.matchAll(/\b(44\d\d|1009)\b/g)) t.ok(codes.includes(code), code)
})
