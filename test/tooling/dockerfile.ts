/** One instruction, such as `{ keyword: 'RUN', flags: {}, text: 'npm ci' }`. */
export interface Instruction {
  readonly keyword: string
  readonly flags: Readonly<Record<string, string>>
  readonly text: string
}

export interface Stage {
  readonly base: string
  readonly name: string
  readonly instructions: readonly Instruction[]
}

/** Reads the part of the Dockerfile syntax that ours uses, and throws on an instruction outside a stage. */
export function parseDockerfile (source: string): Stage[] {
  const lines = source.split('\n').filter(line => !/^\s*(#|$)/.test(line)).join('\n').replaceAll(/\\\n\s*/g, '').split('\n')
  const stages: Array<Stage & { instructions: Instruction[] }> = []
  for (const line of lines) {
    const instruction = parseInstruction(line)
    if (instruction.keyword === 'FROM') {
      const [base = '', , name = ''] = words(instruction.text)
      stages.push({ base, name, instructions: [] })
    } else {
      const stage = stages.at(-1)
      if (stage === undefined) throw new Error(`an instruction before FROM: ${line}`)
      stage.instructions.push(instruction)
    }
  }
  return stages
}

function parseInstruction (line: string): Instruction {
  const [, keyword = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line.trim()) ?? []
  const [flagText = ''] = /^(--\S+\s+)*/.exec(rest) ?? []
  const flags = Object.fromEntries(words(flagText).map(flag => flag.slice('--'.length).split('=', 2) as [string, string]))
  return { keyword: keyword.toUpperCase(), flags, text: rest.slice(flagText.length) }
}

export const words = (text: string): string[] => text.split(/\s+/).filter(Boolean)

/** The exec form, the only one that reaches the process without a shell between it and its signals. */
export function execForm (text: string): string[] {
  const command: unknown = JSON.parse(text)
  if (!Array.isArray(command) || !command.every(word => typeof word === 'string')) throw new Error(`not the exec form: ${text}`)
  return command
}

/** Whether a `.dockerignore` keeps a path out of the context: the last pattern that matches it, or a folder above it, decides. */
export function createIgnore (source: string): (path: string) => boolean {
  const rules = source.split('\n').map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'))
    .map(line => ({ isIgnored: !line.startsWith('!'), pattern: globToRegExp(line.replace(/^!/, '').replace(/^\/|\/$/g, '')) }))
  return path => {
    const parts = path.split('/')
    const selfAndAbove = parts.map((_part, index) => parts.slice(0, index + 1).join('/'))
    return rules.findLast(({ pattern }) => selfAndAbove.some(candidate => pattern.test(candidate)))?.isIgnored ?? false
  }
}

function globToRegExp (glob: string): RegExp {
  const source = glob.split(/(\*\*\/?|\*|\?)/).map(part => {
    if (part.startsWith('**')) return '.*'
    if (part === '*') return '[^/]*'
    return part === '?' ? '[^/]' : part.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${source.join('')}$`)
}
