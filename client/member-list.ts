import type { RoomMembers } from '../src/core/frames.ts'

/** One user in a room, however many connections. */
export type Member = RoomMembers['members'][number]

export interface MemberChange {
  readonly type: 'join' | 'leave'
  readonly member: Member
  readonly version: number
}

/** The members of a room, kept as docs/protocol.md#members says. */
export class MemberList {
  #byUser = new Map<string, Member>()
  #version: number | undefined

  /** Whether a snapshot was taken; before it there is nothing that an event could follow on. */
  get isKnown (): boolean { return this.#version !== undefined }

  get members (): readonly Member[] { return [...this.#byUser.values()] }

  /** A snapshot replaces the list, whatever its version. */
  replace ({ members, version }: RoomMembers): void {
    this.#byUser = new Map(members.map(member => [member.userId, member]))
    this.#version = version
  }

  /** Takes a join or leave; false if the list knew it, or is not known itself. */
  apply ({ type, member, version }: MemberChange): boolean {
    if (this.#version === undefined || version <= this.#version) return false
    this.#version = version
    if (type === 'join') this.#byUser.set(member.userId, member)
    else this.#byUser.delete(member.userId)
    return true
  }

  clear (): void {
    this.#byUser.clear()
    this.#version = undefined
  }
}
