import type { Redis } from 'ioredis'
import { bury, lease, liveNodes, nodes, release } from './lease-scripts.ts'
import { enter, leave, members, register, registerRoom, registerWithin, remove } from './presence-scripts.ts'
import { forget, history, position, probe, publish } from './publication-scripts.ts'
import { revocations, revoke } from './revocation-scripts.ts'

const plain = {
  /** Of no fixed number of keys: that number comes first. */
  roomcastPublish: { lua: publish },
  roomcastPosition: { lua: position, numberOfKeys: 2 },
  roomcastHistory: { lua: history, numberOfKeys: 2 },
  roomcastForget: { lua: forget, numberOfKeys: 2 },
  roomcastProbe: { lua: probe, numberOfKeys: 1 },
  roomcastLease: { lua: lease, numberOfKeys: 4 },
  roomcastRelease: { lua: release, numberOfKeys: 4 },
  roomcastBury: { lua: bury, numberOfKeys: 2 },
  roomcastNodes: { lua: nodes, numberOfKeys: 2 },
  roomcastLiveNodes: { lua: liveNodes, numberOfKeys: 2 },
  roomcastRegister: { lua: register, numberOfKeys: 1 },
  roomcastRegisterWithin: { lua: registerWithin, numberOfKeys: 1 },
  roomcastRegisterRoom: { lua: registerRoom, numberOfKeys: 1 },
  roomcastRemove: { lua: remove, numberOfKeys: 2 },
  roomcastEnter: { lua: enter, numberOfKeys: 4 },
  roomcastLeave: { lua: leave, numberOfKeys: 4 },
  roomcastMembers: { lua: members, numberOfKeys: 3 },
  roomcastRevoke: { lua: revoke, numberOfKeys: 1 },
  roomcastRevocations: { lua: revocations, numberOfKeys: 1 }
} as const

/**
 * The scripts as commands of the publisher connection; ioredis sends them by hash, and whole where Redis forgot them. Sharded ones tell on
 * channels that belong to the slot of their keys.
 */
export const scripts = {
  plain,
  sharded: Object.fromEntries(Object.entries(plain).map(([name, script]) => [name, { ...script, lua: script.lua.replaceAll("'PUBLISH'", "'SPUBLISH'") }])) as typeof plain
} as const

type Done = Promise<1 | null>
/** When it was written, in milliseconds since 1970. */
type Written = Promise<number | null>
type End = [epoch: string, offset: number]

/** The keys of the scripts about a room's members, then what they are about. */
type MemberCommand = (
  connections: string, members: string, order: string, version: string,
  notAfter: number, connectionId: string, nodeId: string, userId: string, info: string, epoch: string, retentionMs: number, channel: string, run: string
) => Written

/** What became of one publication in a call: its offset where it is new. */
export type PublishOutcome = number | ['duplicate', ...End] | ['reused']

interface Commands {
  roomcastPublish: (keyCount: number, ...keysAndArguments: Array<string | number>) => Promise<[epoch: string, outcomes: PublishOutcome[]] | null>
  roomcastPosition: (end: string, history: string, notAfter: number, epoch: string, retentionMs: number, run: string) => Promise<[...End, inherits: string] | null>
  roomcastHistoryBuffer: (
    end: string, history: string, notAfter: number, epoch: string, retentionMs: number, ttlMs: number,
    limit: number, from: number | '', direction: 'forward' | 'reverse', run: string, maxBytes: number
  ) => Promise<[epoch: Buffer, offset: number, inherits: Buffer, entries: Array<[id: Buffer, fields: [Buffer, Buffer]]>, more: 0 | 1] | null>
  roomcastForget: (end: string, history: string, notAfter: number, channel: string) => Done
  roomcastProbe: (key: string, channel: string, probe: string) => Promise<1>
  roomcastLease: (
    ends: string, since: string, holders: string, claims: string,
    notAfter: number, mode: 'take' | 'renew', nodeId: string, leaseMs: number, holder: string, toldEnd: number, retentionMs: number, claimAfterMs: number, run: string
  ) => Promise<[status: 'held', now: number, ends: number, claimed: string[]] | [status: 'lost' | 'late', now: number]>
  roomcastRelease: (ends: string, since: string, holders: string, claims: string, notAfter: number, nodeId: string, graceMs: number, holder: string) => Done
  roomcastBury: (holders: string, claims: string, notAfter: number, nodeId: string) => Done
  roomcastNodes: (ends: string, holders: string) => Promise<[live: string[], seen: string[]]>
  roomcastLiveNodes: (ends: string, holders: string) => Promise<string[]>
  roomcastRegister: (hash: string, notAfter: number, retentionMs: number, ...fieldsAndValues: string[]) => Written
  roomcastRegisterWithin: (
    connections: string, notAfter: number, retentionMs: number, connectionId: string, record: string, most: number, resumedId: string, ...dead: string[]
  ) => Promise<string[] | number | null>
  roomcastRegisterRoom: (rooms: string, notAfter: number, entry: string, retentionMs: number) => Written
  roomcastRemove: (connections: string, seen: string, notAfter: number, connectionId: string, nodeId: string, seenAt: number | '', retentionMs: number) => Done
  roomcastEnter: MemberCommand
  roomcastLeave: MemberCommand
  roomcastMembers: (
    members: string, order: string, version: string, notAfter: number, epoch: string, retentionMs: number, limit: number | '', after: string, run: string
  ) => Promise<[epoch: string, version: number, members: string[]] | null>
  roomcastRevoke: (list: string, notAfter: number, expiresAt: number, revocation: string, most: number) => Promise<0 | 1 | null>
  roomcastRevocations: (list: string, notAfter: number) => Promise<string[] | null>
}

/** The connection that writes and asks. */
export type Publisher = Redis & Commands
