import type { MessageFrame, Replay, ResumeFrame, RoomMembers, RoomPosition, SubscribeFrame } from '../src/core/frames.ts'
import { ClientError, type ErrorFrame } from './client-error.ts'
import { Emitter } from './emitter.ts'
import { MemberList, type Member, type MemberChange } from './member-list.ts'
import type { Position, RoomEvents, RoomState } from './room-events.ts'
import type { RoomLink } from './room-link.ts'
import { Waiters, type Extent } from './waiters.ts'

/** What the server says of a subscription that begins, in `subscribed` and in `welcome.rooms`. */
export type Entry = RoomPosition & Partial<Replay> & Partial<RoomMembers>

/**
 * One room as the application wants it and as the server has it, over all connections. What the application never named but the token
 * grants is taken as it comes; what it unsubscribed stays so.
 */
export class RoomSubscription {
  readonly name: string
  readonly events = new Emitter<RoomEvents>()
  readonly #link: RoomLink
  readonly #list = new MemberList()
  #wish: 'none' | 'subscribed' | 'unsubscribed' = 'none'
  #extent: Extent = 'plain'
  #state: RoomState = 'unsubscribed'
  #position: Position | undefined
  /** Whether the server has confirmed, on the present connection, what is wanted. */
  #isLive = false
  /** Counts the ends, so that whoever calls listeners notices one that came from inside. */
  #ends = 0
  /** Subscribes under way whose answers still matter, and the last unsubscribe. */
  readonly #asked = new Set<number>()
  #askedOut: number | undefined
  readonly #waiters = new Waiters()
  #retry: ReturnType<typeof setTimeout> | undefined

  constructor (name: string, link: RoomLink) {
    this.name = name
    this.#link = link
  }

  get state (): RoomState { return this.#state }
  get position (): Position | undefined { return this.#position }
  get members (): readonly Member[] { return this.#list.members }

  /** What a resume says of this room; undefined if nothing of it is wanted. */
  get resumption (): ResumeFrame['rooms'][number] | undefined {
    if (this.#wish === 'unsubscribed' || (this.#wish === 'none' && this.#position === undefined)) return undefined
    return { room: this.name, ...this.#wanted() }
  }

  subscribe (wanted: Extent): Promise<Position> {
    // The server's rooms have no presence.
    const extent = this.#isServers ? 'plain' : wanted
    const isMore = extent === 'with presence' && this.#extent === 'plain'
    if (isMore) this.#extent = extent
    this.#wish = 'subscribed'
    const answer = this.#waiters.add(extent)
    if (isMore || (this.#asked.size === 0 && !this.#isLive)) this.#ask()
    this.#become(this.#isLive ? 'subscribed' : 'subscribing')
    this.#settle()
    return answer
  }

  unsubscribe (): void {
    const isHere = this.#isLive || this.#asked.size > 0
    this.#wish = 'unsubscribed'
    if (!this.#isServers) this.#forget()
    if (isHere && !this.#isServers) this.#ask()
    this.#waiters.reject(new ClientError('unsubscribed', 'Unsubscribed'))
    this.#become('unsubscribed')
  }

  /** After a welcome: takes what it says of this room, and asks for what it lacks. */
  welcome (entry: Entry | undefined, wasResumed: boolean): void {
    if (entry === undefined) {
      // Where it was resumed, the refusal follows.
      if (!wasResumed && this.resumption !== undefined) this.#ask()
    } else if (this.#wish === 'unsubscribed' && !this.#isServers) {
      this.#ask()
    } else {
      this.#enter(entry)
      if (this.#isLive && this.#extent === 'with presence' && !this.#list.isKnown) this.#ask()
    }
  }

  /** The resume came too late for the server: asks for this room by itself, unless the server began it without. */
  notResumed (): void {
    if (!this.#isLive && this.#asked.size === 0 && this.resumption !== undefined) this.#ask()
  }

  /** Takes `subscribed`: an answer; or unasked a new name of the epoch, under which nothing was missed, or a room that the server began by itself. */
  subscribed (entry: Entry, id: number | undefined): void {
    if (id !== undefined) {
      if (this.#asked.delete(id)) this.#enter(entry)
    } else if (this.#isLive) this.#moveTo(entry)
    // Else the answer that is on its way says how things stand: this may be about a subscription that is ended by then.
    else if (this.#asked.size === 0) this.welcome(entry, false)
  }

  /** The server ended the subscription. */
  ended (code: ErrorFrame['code'] | undefined): void {
    if (this.#isLive) this.#end(new ClientError(code ?? 'room_forbidden', 'Ended by the server'))
  }

  /** Takes an error that names this room: an answer to a subscribe, or to an unsubscribe that must come again, or without an id to a resume. */
  refused ({ id, code, message, retryAfterMs }: ErrorFrame): void {
    const isAsked = id === undefined || this.#asked.delete(id as number)
    if (this.#wish === 'unsubscribed' ? id === undefined || id !== this.#askedOut || retryAfterMs === undefined : !isAsked) return
    if (retryAfterMs !== undefined) {
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => { this.#ask() }, retryAfterMs * (1 + Math.random()))
    } else if (this.#isLive) {
      this.#extent = 'plain'
      this.#waiters.reject(new ClientError(code, message), ['with presence'])
    } else {
      this.#end(new ClientError(code, message))
    }
  }

  message (message: Omit<MessageFrame, 'type'>): void {
    const position = this.#position
    if (!this.#isLive || position === undefined) return
    const { room, offset, data, from, at, skipped } = message
    if (offset !== undefined) {
      if (offset <= position.offset) return
      this.#position = { epoch: position.epoch, offset }
    }
    this.#emit('message', { room, ...(offset && { offset }), data, ...(from && { from }), at, ...(skipped && { skipped }) })
  }

  gap (position: Position): void {
    if (!this.#isLive) return
    this.#moveTo(position)
    this.#emit('gap', { epoch: position.epoch, offset: position.offset })
  }

  /** Takes a list of members that replaces the old one. */
  snapshot (members: RoomMembers): void {
    if (!this.#isLive) return
    this.#list.replace(members)
    this.#emit('members', this.members)
  }

  change (change: MemberChange): void {
    if (!this.#isLive || !this.#list.apply(change)) return
    this.#emit(change.type, change.member)
    this.#emit('members', this.members)
  }

  /** The connection was lost; what is wanted is asked for with the next. */
  lost (): void {
    this.#leave()
    if (this.#wish === 'subscribed' || this.#state === 'subscribed') this.#become('subscribing')
  }

  /** The client ends: nobody is kept waiting. */
  close (error: ClientError): void {
    this.lost()
    this.#waiters.reject(error)
  }

  /** Rooms whose names begin with `$` are subscribed by the server; unsubscribing one only stops the delivery. */
  get #isServers (): boolean { return this.name.startsWith('$') }

  #enter (entry: Entry): void {
    const since = this.#position
    const { recovered } = entry
    // On the wire a publication's data is the payload itself.
    const publications = (entry.publications ?? []) as unknown as ReadonlyArray<Omit<MessageFrame, 'type' | 'room'>>
    const missed = publications.filter(({ offset = 0 }) => since !== undefined && offset > since.offset)
    const ends = this.#ends
    const isStill = (): boolean => this.#ends === ends
    // The server began this room by itself, without a word on what was missed.
    const isUntold = recovered === undefined && !this.#isLive && (entry.epoch !== since?.epoch || entry.offset > since.offset)
    this.#isLive = true
    const isKnown = entry.members !== undefined && entry.version !== undefined
    if (isKnown) this.#list.replace(entry as RoomMembers)
    if (since !== undefined && recovered === true) {
      this.#position = { epoch: entry.epoch, offset: since.offset }
      for (const publication of missed) if (isStill()) this.message({ room: this.name, ...publication })
    }
    if (!isStill()) return
    this.#moveTo(entry)
    if (since !== undefined && recovered === true) this.#emit('recovered', missed.length)
    if (since !== undefined && (recovered === false || isUntold)) this.#emit('gap', { epoch: entry.epoch, offset: entry.offset })
    if (isKnown) this.#emit('members', this.members)
    if (!isStill()) return
    if (this.#wish !== 'unsubscribed') this.#become('subscribed')
    this.#settle()
  }

  /** Asks for what is wanted by now: to be in, or out. */
  #ask (): void {
    const isOut = this.#wish === 'unsubscribed'
    const id = this.#link.request({ ...(isOut ? { type: 'unsubscribe' } : { type: 'subscribe', ...this.#wanted() }), room: this.name })
    if (isOut) this.#askedOut = id
    else if (id !== undefined) this.#asked.add(id)
  }

  #wanted (): Pick<SubscribeFrame, 'since' | 'presence'> {
    return {
      ...(this.#position && { since: this.#position }),
      ...(this.#extent === 'with presence' && { presence: true as const })
    }
  }

  /** Within an epoch never back, so that a node which is behind another tells nothing again. */
  #moveTo ({ epoch, offset }: Position): void {
    const { epoch: present, offset: reached } = this.#position ?? { epoch, offset }
    if (this.#isLive) this.#position = { epoch, offset: epoch === present ? Math.max(offset, reached) : offset }
  }

  /** Tells those whose wish is fulfilled. */
  #settle (): void {
    if (!this.#isLive || this.#position === undefined) return
    this.#waiters.resolve(this.#position, this.#list.isKnown ? ['plain', 'with presence'] : ['plain'])
  }

  #end (error: ClientError): void {
    this.#wish = 'none'
    this.#forget()
    this.#waiters.reject(error)
    this.#become('refused', error)
  }

  #forget (): void {
    this.#leave()
    this.#position = undefined
    this.#extent = 'plain'
    this.#list.clear()
  }

  #leave (): void {
    this.#ends++
    this.#isLive = false
    this.#asked.clear()
    clearTimeout(this.#retry)
  }

  #become (state: RoomState, error?: ClientError): void {
    if (this.#state === state) return
    this.#state = state
    this.events.emit('state', state, error)
  }

  /** Tells listeners as long as the subscription stands and is wanted. */
  #emit<Name extends keyof RoomEvents> (name: Name, ...args: RoomEvents[Name]): void {
    const ends = this.#ends
    this.events.emitWhile(() => this.#ends === ends && this.#isLive && this.#wish !== 'unsubscribed', name, ...args)
  }
}
