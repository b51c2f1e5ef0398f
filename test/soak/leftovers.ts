import { until } from '../helpers/until.ts'
import type { Cluster } from '../helpers/cluster.ts'
import { excess, measure, takeVitals, type Measure } from './measure.ts'
import { presenceDifferences, type SettlingParts } from './settling.ts'

/** A dead node is swept after its lease; a client that vanished is found by its pings. */
const EMPTIED_MS = 60_000
/** A socket of HTTP is kept alive for 72 s; a deaf peer is ended by the pings. */
const CALM_MS = 90_000

/**
 * What DESIGN says lives on without anybody there: where a room's numberings got to, its history and its publish keys, when a user was last
 * seen, and what the nodes keep of themselves.
 */
const LIVES_ON = new Set(['r end', 'r history', 'r key', 'r version', 'u seen', 'leases ends', 'leases since', 'leases holders', 'leases claims', 'revocations list', 'p probed'])

/** Purpose: the keys that fit a pattern, each with its time to live. ARGV: 1 the pattern. Returns {name, milliseconds, …}. */
const KEYS_WITH_TTL = `local told = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  told[#told + 1] = key
  told[#told + 1] = redis.call('PTTL', key)
end
return told`

/** Waits until a stage that everyone has left is empty: nobody is online, and no room is in use. */
export async function isEmptied (parts: SettlingParts): Promise<void> {
  const { fleet, ledger: { findings } } = parts
  await until('rooms that are in use', [], async () => (await fleet.ask('/rooms?limit=5'))['rooms'] as string[], EMPTIED_MS).catch(error => { findings.note(String(error)) })
  await until('who is still there', [], async () => (await presenceDifferences(parts)).slice(0, 5), EMPTIED_MS).catch(error => { findings.note(String(error)) })
}

/** Notes what Redis still has of everyone, and ought not to have, or not for ever. Returns how many keys there are of each kind. */
export async function checkKeys ({ fleet: { cluster, redis }, ledger: { findings } }: SettlingParts): Promise<Map<string, number>> {
  const told = await redis.command('EVAL', KEYS_WITH_TTL, '0', `${cluster.prefix}:*`) as Array<string | number>
  const kinds = new Map<string, number>()
  for (let at = 0; at < told.length; at += 2) {
    const [name, ttlMs] = [String(told[at]), Number(told[at + 1])]
    const kind = kindOf(name, cluster)
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    if (!LIVES_ON.has(kind)) findings.note(`Redis still has ${name}`)
    else if (ttlMs === -1) findings.note(`Redis keeps ${name} for ever`)
  }
  return kinds
}

/** Of each node what it holds now, when it holds no more than before; or what it still holds too much of after a while, which is noted. */
export async function calm (parts: SettlingParts, before?: readonly Measure[]): Promise<Measure[]> {
  const { fleet, ledger: { findings } } = parts
  return Promise.all(fleet.slots.map(async (present, slot) => {
    const baseline = before?.[slot]
    if (present === undefined && baseline !== undefined) {
      findings.note(`node ${slot + 1} did not come back`)
      return baseline
    }
    const { node, inspector } = fleet.inspector(slot)
    let now = await measure(node, inspector)
    if (baseline === undefined || excess(baseline, now).length === 0) return now
    await until(`what ${node.name} still holds`, [], async () => {
      const more = excess(baseline, await takeVitals(node, inspector))
      if (more.length > 0) return more
      now = await measure(node, inspector)
      return excess(baseline, now)
    }, CALM_MS).catch(error => { findings.note(String(error)) })
    return now
  }))
}

function kindOf (name: string, { prefix }: Cluster): string {
  const [, short = '?', long, ending = '?'] = /^\{(?:([a-z]):.*|([a-z]+))\}:([a-z]+)(?::.*)?$/.exec(name.slice(prefix.length + 1)) ?? []
  return `${long ?? short} ${ending}`
}
