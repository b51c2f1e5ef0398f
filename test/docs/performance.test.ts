import { readFileSync } from 'node:fs'
import t from 'tap'

interface Report {
  readonly judgement: ReadonlyArray<{ readonly promise: string, readonly isKept: boolean }>
}

const root = new URL('../../', import.meta.url)
const document = readFileSync(new URL('docs/performance.md', root), 'utf8')
const report = JSON.parse(readFileSync(new URL('docs/performance.json', root), 'utf8')) as Report
const { withFigures } = await import(new URL('bench/lib/markdown.mjs', root).href) as { withFigures: (document: string, report: Report) => string }

t.test('the figures in the document are those that were measured', async t => {
  t.equal(withFigures(document, report), document)
  for (const { promise } of report.judgement) t.ok(document.includes(`| ${promise} |`), promise)
})

t.test('what is missed is explained', async t => {
  const explained = document.slice(document.indexOf('## What is missed'))
  for (const { promise } of report.judgement.filter(({ isKept }) => !isKept)) {
    const [subject = ''] = promise.split(/ ≤ | ≥ |, /)
    t.match(explained.toLowerCase(), subject.replace(' per ', ' for each ').toLowerCase())
  }
})

t.test('the README names the document', async t => {
  t.match(readFileSync(new URL('README.md', root), 'utf8'), 'docs/performance.md')
})
