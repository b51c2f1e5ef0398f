import { createId } from '../core/ids.ts'
import type { PresenceEntry } from '../core/presence-entry.ts'
import type { Member, MemberEvent, MembersSnapshot } from '../core/presence-store.ts'

type MemberEntry = Extract<PresenceEntry, { kind: 'member' }>

interface RoomMembers {
  readonly epoch: string
  version: number
  /** Each connection's owner and user. */
  readonly connections: Map<string, { nodeId: string, readonly userId: string }>
  /** Each member, and how many connections the user has in the room. */
  readonly members: Map<string, { readonly member: Member, connections: number }>
}

/** Who is in which room: the first connection of a user is a join, the last a leave. */
export class MemoryMembers {
  readonly #announce: (event: MemberEvent) => void
  readonly #rooms = new Map<string, RoomMembers>()

  constructor (announce: (event: MemberEvent) => void) {
    this.#announce = announce
  }

  enter (nodeId: string, { room, connectionId, userId, info }: MemberEntry): void {
    const state = this.#state(room)
    const known = state.connections.get(connectionId)
    if (known !== undefined) {
      known.nodeId = nodeId
      return
    }
    state.connections.set(connectionId, { nodeId, userId })
    const present = state.members.get(userId)
    if (present !== undefined) {
      present.connections++
      return
    }
    const member = { userId, info }
    state.members.set(userId, { member, connections: 1 })
    this.#announce({ type: 'join', room, member, epoch: state.epoch, version: ++state.version })
  }

  leave (nodeId: string, { room, connectionId, userId }: MemberEntry): void {
    const state = this.#rooms.get(room)
    if (state?.connections.get(connectionId)?.nodeId !== nodeId) return
    state.connections.delete(connectionId)
    const present = state.members.get(userId)
    if (present === undefined || --present.connections > 0) return
    state.members.delete(userId)
    this.#announce({ type: 'leave', room, member: present.member, epoch: state.epoch, version: ++state.version })
    // A counting that begins anew has a new epoch, so an empty room need not be remembered.
    if (state.members.size === 0) this.#rooms.delete(room)
  }

  snapshot (room: string): MembersSnapshot {
    const state = this.#rooms.get(room)
    if (state === undefined) return { epoch: createId(), version: 0, members: [] }
    const { epoch, version, members } = state
    return { epoch, version, members: Array.from(members.values(), ({ member }) => member) }
  }

  occupancy (room: string, isLive: (nodeId: string) => boolean): { connections: number, members: number } {
    const live = [...this.#rooms.get(room)?.connections.values() ?? []].filter(({ nodeId }) => isLive(nodeId))
    return { connections: live.length, members: new Set(live.map(({ userId }) => userId)).size }
  }

  #state (room: string): RoomMembers {
    let state = this.#rooms.get(room)
    if (state === undefined) {
      state = { epoch: createId(), version: 0, connections: new Map(), members: new Map() }
      this.#rooms.set(room, state)
    }
    return state
  }
}
