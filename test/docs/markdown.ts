import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)

/** Where a file of the repository is. */
export function pathOf (name: string): string {
  return fileURLToPath(new URL(name, ROOT))
}

export function read (name: string): string {
  return readFileSync(pathOf(name), 'utf8')
}

/** The text without its fenced code. */
export function prose (markdown: string): string {
  return markdown.replace(/^```[^]*?^```$/gm, '')
}

/** The anchors of all headings, as GitHub makes them. */
export function anchors (markdown: string): Set<string> {
  const found = new Set<string>()
  for (const [, heading = ''] of prose(markdown).matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = heading.trim().toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
    let unique = anchor
    for (let copy = 1; found.has(unique); copy++) unique = `${anchor}-${copy}`
    found.add(unique)
  }
  return found
}

/** The targets of all links and images. */
export function links (markdown: string): string[] {
  return [...prose(markdown).replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)].map(([, target = '']) => target)
}

/**
 * The rows of the one table in a section, each by the names in the table's head. Backticks around a whole cell are taken off.
 * @param heading the line that opens the section, such as `## Errors`
 */
export function table (markdown: string, heading: string): ReadonlyArray<Readonly<Record<string, string>>> {
  const lines = markdown.split('\n')
  const start = lines.indexOf(heading)
  if (start < 0) throw new Error(`there is no heading "${heading}"`)
  const length = lines.slice(start + 1).findIndex(line => /^#{1,2} /.test(line))
  const section = lines.slice(start + 1, length < 0 ? undefined : start + 1 + length)
  const [head, ruler, ...rows] = section.filter(line => line.startsWith('|')).map(cells)
  if (head === undefined || ruler?.every(cell => /^:?-+:?$/.test(cell)) !== true) throw new Error(`there is no table under "${heading}"`)
  return rows.map(row => {
    if (row.length !== head.length) throw new Error(`a row under "${heading}" has ${row.length} cells instead of ${head.length}: ${row.join(' | ')}`)
    return Object.fromEntries(head.map((name, index) => [name, row[index] ?? '']))
  })
}

function cells (line: string): string[] {
  return line.trim().replace(/^\||\|$/g, '').split(/(?<!\\)\|/).map(cell => cell.trim().replace(/^`([^`]*)`$/, '$1'))
}
