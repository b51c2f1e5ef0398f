import { readdirSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { pathOf, read } from '../docs/markdown.ts'
import { parseDockerfile } from '../tooling/dockerfile.ts'

/** What a file in YAML holds, where tests look into it. */
export interface Tree {
  readonly [key: string]: unknown
}

/**
 * The documents of a YAML file, merged as Compose does it.
 * @throws Error for what is no YAML, a key twice, or an alias of nothing
 */
export function documents (path: string): Tree[] {
  return parseAllDocuments(read(path), { merge: true, strict: true }).map(document => {
    const [problem] = [...document.errors, ...document.warnings]
    if (problem !== undefined) throw new Error(`${path}: ${problem.message}`)
    return document.toJS() as Tree
  })
}

/** The files of a folder with one of these endings, by their paths. */
export function filesOf (folder: string, ...endings: string[]): string[] {
  const names = readdirSync(pathOf(folder), { recursive: true, encoding: 'utf8' })
  return names.filter(name => endings.some(ending => name.endsWith(ending))).map(name => `${folder}/${name}`).sort()
}

/** What stands at a path such as `spec.template.spec.containers.0.ports`; undefined where there is none. */
export function at (tree: unknown, path: string): unknown {
  return path.split('.').reduce((inner: unknown, key) => typeof inner === 'object' && inner !== null ? (inner as Tree)[key] : undefined, tree)
}

/** The lines `NAME=value` of a file for an environment. */
export function environmentOf (text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]))
}

/** The directives of a systemd unit, in order, such as `{ section: 'Service', name: 'Restart', value: 'always' }`. */
export function directives (text: string): Array<{ section: string, name: string, value: string }> {
  let section = ''
  return text.split('\n').flatMap(line => {
    section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? []
    return name === undefined || value === undefined ? [] : [{ section, name, value }]
  })
}

/** Where the container serves, and as whom it runs, in the words of the Dockerfile. */
export function containerFacts (): { port: number, user: string } {
  const { instructions = [] } = parseDockerfile(read('Dockerfile')).at(-1) ?? {}
  const textOf = (keyword: string): string => instructions.find(instruction => instruction.keyword === keyword)?.text ?? ''
  return { port: Number(textOf('EXPOSE')), user: textOf('USER') }
}
