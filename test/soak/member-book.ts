import type { Findings } from './findings.ts'

/** Who is in a room, as somebody was told. */
export interface MemberState {
  readonly userIds: readonly string[]
  readonly version: number
}

/** Keeps account of every join and leave: each list must go on by one version and one change at a time, unless it is replaced as a whole. */
export class MemberBook {
  readonly findings: Findings
  joins = 0
  leaves = 0
  snapshots = 0

  constructor (findings: Findings) {
    this.findings = findings
  }

  /** Somebody watches who is in a room, over one connection, and begins with a list. */
  watch (who: string, room: string, state: MemberState): MemberWatch {
    return new MemberWatch(this, `${who} in ${room}`, state)
  }
}

/** One watcher's list of one room's members. Made by `MemberBook.watch`. */
export class MemberWatch {
  readonly #book: MemberBook
  readonly #who: string
  #userIds: Set<string>
  #version: number

  constructor (book: MemberBook, who: string, { userIds, version }: MemberState) {
    this.#book = book
    this.#who = who
    this.#userIds = new Set(userIds)
    this.#version = version
    book.snapshots++
  }

  get state (): MemberState { return { userIds: [...this.#userIds].sort(), version: this.#version } }

  /** The whole list came anew. */
  replace ({ userIds, version }: MemberState): void {
    this.#book.snapshots++
    this.#userIds = new Set(userIds)
    this.#version = version
  }

  join (userId: string, version: number): void {
    this.#book.joins++
    this.#step(`join of ${userId}`, version)
    if (this.#userIds.has(userId)) this.#note(`was told a join of ${userId}, who was there already`)
    this.#userIds.add(userId)
  }

  leave (userId: string, version: number): void {
    this.#book.leaves++
    this.#step(`leave of ${userId}`, version)
    if (!this.#userIds.delete(userId)) this.#note(`was told a leave of ${userId}, who was not there`)
  }

  /** The run is over: the list must be what the server says. */
  compare (server: MemberState): void {
    const [mine, other] = [this.state, server].map(({ userIds, version }) => JSON.stringify([version, [...userIds].sort()]))
    if (mine === other) return
    const there = new Set(server.userIds)
    const missed = server.userIds.filter(userId => !this.#userIds.has(userId))
    const ghosts = [...this.#userIds].filter(userId => !there.has(userId))
    this.#note(`has version ${this.#version}, the server ${server.version}; lacks ${missed.join(' ') || 'nobody'}, keeps ${ghosts.join(' ') || 'nobody'}`)
  }

  #step (what: string, version: number): void {
    if (version !== this.#version + 1) this.#note(`was told the ${what} with version ${version} after ${this.#version}`)
    this.#version = version
  }

  #note (what: string): void {
    this.#book.findings.note(`${this.#who} ${what}`)
  }
}
