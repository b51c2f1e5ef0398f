import type { Findings } from './findings.ts'
import { MemberWatch, type MemberBook } from './member-book.ts'

/** The server's frames, as far as the book reads them. */
export interface WireFrame {
  readonly type: string
  readonly id?: unknown
  readonly room?: string
  readonly code?: string
  readonly epoch?: string
  readonly offset?: number
  readonly version?: number
  readonly recovered?: boolean
  readonly publications?: ReadonlyArray<{ readonly offset: number }>
  readonly members?: ReadonlyArray<{ readonly userId: string }>
  readonly member?: { readonly userId: string }
  readonly rooms?: readonly WireFrame[]
}

interface Standing {
  offset: number
  watch: MemberWatch | undefined
}

/**
 * Holds what one connection brings against docs/protocol.md, before the client library has it: in each room one offset after the other,
 * joins and leaves that follow on the list, and nothing of a room that it is not in.
 */
export class WireBook {
  readonly #who: string
  readonly #members: MemberBook
  readonly #findings: Findings
  readonly #rooms = new Map<string, Standing>()

  constructor (who: string, members: MemberBook) {
    this.#who = who
    this.#members = members
    this.#findings = members.findings
  }

  /** The lists that it keeps, by room. */
  get watches (): ReadonlyMap<string, MemberWatch> {
    return new Map([...this.#rooms].flatMap(([room, { watch }]) => watch === undefined ? [] : [[room, watch]]))
  }

  take (frame: WireFrame): void {
    switch (frame.type) {
      case 'welcome':
        for (const entry of frame.rooms ?? []) this.#enter(entry)
        return
      case 'subscribed': return this.#enter(frame)
      case 'unsubscribed':
        this.#rooms.delete(frame.room ?? '')
        return
      case 'message':
      case 'gap':
      case 'join':
      case 'leave':
      case 'presence': return this.#follow(frame)
      default:
        // Replies and notices say nothing of what is counted here.
    }
  }

  #enter ({ id, type, room = '', offset = NaN, recovered, publications = [], members, version = NaN }: WireFrame): void {
    const known = this.#rooms.get(room)
    if (known !== undefined && id === undefined && known.offset !== offset) this.#note(`${room} goes on at ${offset} after ${known.offset}`)
    const last = publications.at(-1)?.offset
    publications.forEach((publication, index) => {
      if (publication.offset !== (publications[0]?.offset ?? NaN) + index) this.#note(`a replay of ${room} has a hole before ${publication.offset}`)
    })
    if (last !== undefined && (recovered !== true || last !== offset)) this.#note(`a replay of ${room} ends at ${last}, its ${type} at ${offset}`)
    const list = members?.map(({ userId }) => userId)
    const watch = list === undefined ? known?.watch : this.#members.watch(this.#who, room, { userIds: list, version })
    this.#rooms.set(room, { offset, watch })
  }

  #follow ({ type, room = '', offset = NaN, member, members, version = NaN }: WireFrame): void {
    const standing = this.#rooms.get(room)
    if (standing === undefined) return this.#note(`got a ${type} of ${room}, which it is not in`)
    if (type === 'message') {
      if (offset !== standing.offset + 1) this.#note(`got ${offset} of ${room} after ${standing.offset}`)
      standing.offset = offset
    } else if (type === 'gap') {
      standing.offset = offset
    } else if (standing.watch === undefined) {
      this.#note(`got a ${type} of ${room}, whose members it did not ask for`)
    } else if (type === 'presence') {
      standing.watch.replace({ userIds: (members ?? []).map(({ userId }) => userId), version })
    } else {
      standing.watch[type === 'join' ? 'join' : 'leave'](member?.userId ?? '', version)
    }
  }

  #note (what: string): void {
    this.#findings.note(`on the wire, ${this.#who}: ${what}`)
  }
}
