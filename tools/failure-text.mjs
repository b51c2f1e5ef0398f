import { inspect } from 'node:util'

// What tap says of a file is how it started it, the same for all; how the file ended is in `exitCode` and `signal`.
const runnersOwn = ['stdio', 'cwd', 'externalID', 'command', 'args', 'jobId']

/** One failure in full: its titles, the place, what tap says about it, the source around it and the stack. */
export function failureText (titles, { diag }) {
  const { at, source, stack, diff, ...rest } = diag ?? {}
  for (const key of runnersOwn) delete rest[key]
  const lines = [`✖ ${titles.filter(Boolean).join(' > ')}`]
  if (at?.fileName) lines.push(`  at ${at.fileName}:${at.lineNumber}:${at.columnNumber}`)
  if (diff) lines.push(block(diff))
  if (Object.keys(rest).length > 0) lines.push(block(inspect(rest, { depth: 8, breakLength: 120, maxStringLength: 4_000 })))
  if (source) lines.push(block(source))
  if (stack) lines.push(block(stack))
  return `${lines.join('\n')}\n`
}

const block = text => text.trimEnd().replace(/^/gm, '    ')
