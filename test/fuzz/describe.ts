import { isUtf8 } from 'node:buffer'
import type { Case } from './case.ts'

const MAX_SHOWN = 1_000

/** What a case sends, as somebody reads it who wants to know why it failed; long parts are cut. */
export function describeCase (one: Case): string {
  return [`server ${one.server}, ${one.kind}`, ...linesOf(one)].join('\n')
}

function linesOf (one: Case): string[] {
  switch (one.kind) {
    case 'messages': return [`GET ${one.path}, ${one.isEager ? 'all at once' : 'after the upgrade'}, then ${one.ending}`, ...one.messages.map(({ payload, format }) => `${format} ${shown(payload)}`)]
    case 'bytes': return [...one.writes.map(shown), `then ${one.ending}`]
    case 'requests': return one.requests.map(({ bytes, isWhole }) => `${isWhole ? 'whole' : 'broken'} ${shown(bytes)}`)
    default: return one satisfies never
  }
}

/** As text where it is text, else in hex. */
function shown (bytes: Buffer): string {
  const whole = isUtf8(bytes) ? JSON.stringify(bytes.toString()) : `hex ${bytes.toString('hex')}`
  return whole.length <= MAX_SHOWN ? whole : `${whole.slice(0, MAX_SHOWN)}… (${bytes.length} bytes)`
}
