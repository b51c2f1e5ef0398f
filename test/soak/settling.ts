import { until } from '../helpers/until.ts'
import type { Fleet } from './fleet.ts'
import type { Ledger } from './ledger.ts'
import type { MemberState } from './member-book.ts'
import type { Stage } from './stage.ts'

export interface SettlingParts {
  readonly fleet: Fleet
  readonly stage: Stage
  readonly ledger: Ledger
}

/** For the last clients to come back, for a dead node to be swept, and for a busy machine. */
const SETTLED_MS = 60_000
/** Most that are named when something does not come. */
const NAMED = 5
const MOST_ASKED = 1_000

/** Waits until nothing is under way any more, and closes the books: everyone has everything, and each list is what the server says. */
export async function settle ({ fleet, stage, ledger }: SettlingParts): Promise<void> {
  const { findings, deliveries, publishes } = ledger
  const comes = async (what: string, missing: () => string[] | Promise<string[]>): Promise<void> => {
    await until(what, [], async () => (await missing()).slice(0, NAMED), SETTLED_MS).catch(error => { findings.note(String(error)) })
  }
  await until('publications whose outcome is not known', 0, () => publishes.open, SETTLED_MS).catch(error => { findings.note(String(error)) })
  await comes('who is not back', () => stage.visitors.flatMap(visitor => visitor.isWhole ? [] : [visitor.standing]))
  const lasts = await stage.publishLast()
  await until('who lacks a last publication', [], () => deliveries.behind(lasts).slice(0, NAMED), SETTLED_MS).catch(() => {})
  deliveries.close(lasts)
  await comes('whose presence differs', () => presenceDifferences({ fleet, stage, ledger }))
  await comes('whose members differ', () => memberDifferences({ fleet, stage, ledger }))
  for (const room of stage.rooms) {
    const server = await membersOf(fleet, room)
    for (const visitor of stage.visitors) visitor.wire?.watches.get(room)?.compare(server)
  }
}

/** Users whose connections, as the server says, are not those that there are; abusers have none any more. */
export async function presenceDifferences ({ fleet, stage }: SettlingParts): Promise<string[]> {
  const real = new Map<string, string[]>()
  for (const { userId, isPresent, connectionId } of stage.visitors) if (isPresent) real.set(userId, [...real.get(userId) ?? [], connectionId ?? 'none'].sort())
  const differences: string[] = []
  const everyone = [...stage.users, ...stage.abusers]
  for (let first = 0; first < everyone.length; first += MOST_ASKED) {
    const { users } = await fleet.ask('/presence/query', { userIds: everyone.slice(first, first + MOST_ASKED), connections: true }) as { users: Array<{ userId: string, online: boolean, connections: Array<{ connectionId: string }> }> }
    for (const { userId, online, connections } of users) {
      const told = connections.map(({ connectionId }) => connectionId).sort().join(' ')
      const wanted = real.get(userId)?.join(' ') ?? ''
      if (told !== wanted || online !== (wanted !== '')) differences.push(`${userId} is ${online ? 'online' : 'offline'} with ${told || 'nothing'}, and really has ${wanted || 'nothing'}`)
    }
  }
  return differences
}

/** Rooms whose members, as the server says or as watchers have it, are not those who are in it. */
async function memberDifferences ({ fleet, stage }: SettlingParts): Promise<string[]> {
  const differences: string[] = []
  for (const room of stage.rooms) {
    const { userIds, version } = await membersOf(fleet, room)
    const told = userIds.join(' ')
    const wanted = [...new Set(stage.visitors.flatMap(visitor => visitor.rooms.includes(room) ? [visitor.userId] : []))].sort().join(' ')
    if (told !== wanted) differences.push(`the server says that ${told || 'nobody'} is in ${room}, and really it is ${wanted || 'nobody'}`)
    for (const { wire, standing } of stage.visitors) {
      const state = wire?.watches.get(room)?.state
      if (state !== undefined && (state.version !== version || state.userIds.join(' ') !== told)) differences.push(`${standing} has version ${state.version} of ${room}, the server ${version}`)
    }
  }
  return differences
}

async function membersOf (fleet: Fleet, room: string): Promise<MemberState> {
  const { members, version } = await fleet.ask(`/rooms/${encodeURIComponent(room)}/presence?limit=${MOST_ASKED}`) as { members: Array<{ userId: string }>, version: number }
  return { userIds: members.map(({ userId }) => userId).sort(), version }
}
