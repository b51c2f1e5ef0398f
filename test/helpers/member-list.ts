import type { Member } from '../../src/core/presence-store.ts'
import { receivedBy } from './cluster.ts'
import type { Frame, TestClient } from './client.ts'
import type { ServerProcess } from './server-process.ts'
import { until } from './until.ts'

type Snapshot = Pick<Extract<Frame, { type: 'presence' }>, 'members' | 'version'>

/**
 * The members of a room as a client keeps them: a snapshot, then the joins and leaves above its version; a `presence` frame replaces
 * all. Follows its client's inbox, which the test reads through this list alone.
 */
export class MemberList {
  readonly room: string
  readonly client: TestClient
  /** The joins and leaves that came, as `join alice`, whether they counted or not. */
  readonly events: string[] = []
  /** What a client must never see: a version left out or told twice, a join of a member, a leave of nobody. */
  readonly faults: string[] = []
  /** How often the server replaced the whole list. */
  repairs = 0
  #members = new Map<string, unknown>()
  #version = 0

  constructor (client: TestClient, room: string, snapshot: Partial<Snapshot>) {
    this.client = client
    this.room = room
    if (snapshot.members === undefined || snapshot.version === undefined) throw new Error(`${room} was subscribed to without its members`)
    this.#replace({ members: snapshot.members, version: snapshot.version })
  }

  /** Takes what has arrived so far. */
  follow (): this {
    for (const frame of this.client.inbox.drain()) this.take(frame)
    return this
  }

  take (frame: Frame): void {
    if (!('room' in frame) || frame.room !== this.room) return
    if (frame.type === 'presence') {
      this.repairs++
      this.#replace(frame)
    } else if (frame.type === 'join' || frame.type === 'leave') {
      this.#apply(frame)
    }
  }

  /** What the list is now, in the form in which the server tells it. */
  get state (): Snapshot {
    return { members: Array.from(this.#members, ([userId, info]) => ({ userId, info })).sort(byUserId), version: this.#version }
  }

  get userIds (): string[] {
    return this.state.members.map(({ userId }) => userId)
  }

  #replace ({ members, version }: Snapshot): void {
    this.#members = new Map(members.map(({ userId, info }) => [userId, info]))
    this.#version = version
  }

  #apply ({ type, member: { userId, info }, version }: Extract<Frame, { type: 'join' | 'leave' }>): void {
    this.events.push(`${type} ${userId}`)
    if (version <= this.#version) {
      this.faults.push(`${type} ${userId} has version ${version} at ${this.#version}`)
      return
    }
    if (version !== this.#version + 1) this.faults.push(`${type} ${userId} has version ${version} after ${this.#version}`)
    if (this.#members.has(userId) === (type === 'join')) this.faults.push(`${type} ${userId} at version ${version} changes nothing`)
    this.#version = version
    if (type === 'join') this.#members.set(userId, info)
    else this.#members.delete(userId)
  }
}

/** Subscribes a connection to a room and its joins and leaves. */
export async function watch (client: TestClient, room: string): Promise<MemberList> {
  return new MemberList(client, room, await client.subscribe(room, { presence: true }))
}

/** Takes what reached the clients before a barrier. With several lists of one client, each takes its own. */
export async function settle (publisher: ServerProcess, lists: readonly MemberList[]): Promise<void> {
  const clients = [...new Set(lists.map(({ client }) => client))]
  const received = await receivedBy(publisher, clients)
  for (const list of lists) {
    for (const frame of received[clients.indexOf(list.client)] ?? []) list.take(frame)
  }
}

/** Waits until a list is what the server says, member by member and by version. */
export async function equalsServer (list: MemberList, node: ServerProcess, ms?: number): Promise<void> {
  let told: Snapshot = { members: [], version: 0 }
  await until(`the list of ${list.room} equals the server's`, true, async () => {
    const { members, version } = await node.members(list.room)
    told = { members: [...members].sort(byUserId), version }
    return JSON.stringify(list.follow().state) === JSON.stringify(told)
  }, ms).catch(cause => {
    throw new Error(`the list is ${describe(list.state)}, the server says ${describe(told)}; faults: ${list.faults.join(', ')}`, { cause })
  })
}

function byUserId (a: Member, b: Member): number {
  return a.userId < b.userId ? -1 : a.userId > b.userId ? 1 : 0
}

function describe ({ members, version }: Snapshot): string {
  return `${members.length} members at version ${version} (${members.map(({ userId }) => userId).join(' ')})`.slice(0, 500)
}
