import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path/posix'
import t from 'tap'
import { anchors, links, pathOf, read } from './markdown.ts'

const documents = readdirSync(pathOf('docs'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md')).map(name => join('docs', name))
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'deploy/README.md', ...documents]

/** What npm does by itself. */
const ofNpm = ['ci', 'install', 'prune']

/** The names after `npm run`, and those of `npm start` and `npm test`. */
function scriptsOf (markdown: string): string[] {
  return [...markdown.matchAll(/\bnpm (?:run (?:-s |--silent )?)?([a-z][\w:-]*)/g)]
    .filter(([text, name = '']) => text.startsWith('npm run') || !ofNpm.includes(name))
    .map(([, name = '']) => name)
}

t.test('the README is at most 150 lines', async t => {
  t.ok(read('README.md').trimEnd().split('\n').length <= 150)
})

t.test('the README links to the protocol, the architecture, the operations and the decisions', async t => {
  const targets = links(read('README.md'))
  for (const name of ['docs/protocol.md', 'docs/architecture.md', 'docs/operations.md', 'docs/adr/', '.env.example']) {
    t.ok(targets.some(target => target.startsWith(name)), name)
  }
})

for (const page of pages) {
  t.test(`every relative link in ${page} leads to a file, and to a heading in it`, async t => {
    for (const link of links(read(page)).filter(target => !/^[a-z]+:/.test(target))) {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(page, '..', path)
      t.ok(existsSync(pathOf(target)), link)
      if (anchor !== undefined) t.ok(anchors(read(target)).has(anchor), link)
    }
  })
}

t.test('every npm script that a page names exists', async t => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  t.match(new Set(scriptsOf(read('README.md'))), new Set(['start', 'test', 'token']))
  for (const page of pages) {
    for (const name of scriptsOf(read(page))) t.ok(Object.hasOwn(scripts, name), `${page}: npm run ${name}`)
  }
})
