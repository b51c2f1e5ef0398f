import type { Claims } from './claims.ts'
import { closeCodes, type CloseCode, type CloseName } from './close-codes.ts'
import type { Codec, Decoded } from './codec.ts'
import { RoomcastError } from './errors.ts'
import { FrameBudget, type Charge } from './frame-budget.ts'
import type { ClientFrame, RequestId, ResumeFrame, ServerFrame } from './frames.ts'
import { Inbox, type IncomingFrame, type InboxHandlers } from './inbox.ts'
import type { RealtimeNode } from './node.ts'
import { entryKeyOf, type PresenceEntry, type Vouched } from './presence-entry.ts'
import type { Subscription } from './subscription.ts'
import type { Transport } from './transport.ts'
import { verbs } from './verbs/index.ts'

export interface ConnectionParts {
  readonly node: RealtimeNode
  readonly transport: Transport
  readonly codec: Codec
  readonly claims: Claims
  readonly connectionId: string
  readonly connectedAt: number
}

/**
 * One live authenticated client. Its frames are handled one after the other, in order; the first thing in that line is its
 * opening. Every end – by the peer, by the node, by an error – goes through `end`, once.
 */
export class Connection implements Vouched {
  static readonly #line: InboxHandlers<Connection> = { handle: (one, frame) => one.#handle(frame), fail: (one, error) => { one.#fail(error) } }
  readonly connectionId: string
  readonly userId: string
  readonly codec: Codec
  readonly transport: Transport
  readonly connectedAt: number
  /** Subscriptions that the node has entered, by room. */
  readonly subscriptions = new Map<string, Subscription>()
  /** The connection that the client had before, if it resumed one: what is published without that one reaches neither. */
  resumedId: string | undefined
  /** When presence first knew of it, on the store's clock. Commands about its user that are older were not about it. */
  registeredAt: number | undefined
  /** When the peer last gave a sign of life, on the node's clock. */
  seenAt: number
  /** When the node last asked for one. */
  askedAt = 0
  /** Whether `token_expiring` was sent. */
  isExpiryTold = false
  isWelcomed = false
  assertedAt = 0
  /** What other members are shown of the user: what the token said at connect. */
  readonly info: unknown
  #claims: Claims
  readonly #node: RealtimeNode
  readonly #inbox: Inbox<Connection>
  readonly #budget: FrameBudget
  #onFirstFrame: ((frame: ResumeFrame | undefined) => void) | undefined
  #isOpen = true

  constructor ({ node, transport, codec, claims, connectionId, connectedAt }: ConnectionParts) {
    this.connectionId = connectionId
    this.userId = claims.sub
    this.info = claims.info ?? null
    this.#claims = claims
    this.codec = codec
    this.transport = transport
    this.connectedAt = this.seenAt = connectedAt
    this.#node = node
    this.#budget = new FrameBudget(node.frameRate, connectedAt)
    this.#inbox = new Inbox<Connection>(this, Connection.#line)
  }

  /** False from the moment at which anybody decided that this connection ends. */
  get isOpen (): boolean { return this.#isOpen }

  /** What the present token says. */
  get claims (): Claims { return this.#claims }

  /** When the token stops being valid, in milliseconds since 1970; null if its claims name no end. */
  get expiresAt (): number | null {
    return this.#claims.exp === undefined ? null : this.#claims.exp * 1_000
  }

  get entryKey (): string { return entryKeyOf(this.entry()) }
  get isWanted (): boolean { return this.#isOpen }

  entry (): PresenceEntry {
    const { connectionId, userId, connectedAt, transport, info } = this
    return { kind: 'connection', connectionId, userId, connectedAt, transport: transport.name, info }
  }

  /** @throws RoomcastError `unavailable` if the connection ended while the caller waited for something */
  assertOpen (): void {
    if (!this.#isOpen) throw new RoomcastError('unavailable', { message: 'The connection has ended' })
  }

  /** Puts a task into the line of this connection's frames. */
  enqueue (task: () => Promise<void>): void {
    this.#inbox.push(task)
  }

  /** Resolves when nothing waits or is under way in this connection's line. */
  idle (): Promise<void> {
    return this.#inbox.idle()
  }

  /** Goes on under a new token of the same user. */
  refresh (claims: Claims): void {
    this.#claims = claims
    this.isExpiryTold = false
  }

  /**
   * The first frame, if it is a resume and comes in time; any other waits in line as usual.
   * @param ms how long to wait, in milliseconds
   */
  async resumption (ms: number): Promise<ResumeFrame | undefined> {
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<ResumeFrame | undefined>(resolve => {
        this.#onFirstFrame = resolve
        timer = setTimeout(() => { resolve(undefined) }, ms)
      })
    } finally {
      clearTimeout(timer)
      this.#onFirstFrame = undefined
    }
  }

  /**
   * Takes a frame from the transport. It waits in line; frames that arrive after the end are dropped. It is charged here, so that a flood costs
   * no more than its reading.
   */
  receive (bytes: Uint8Array, format: 'text' | 'binary'): void {
    if (!this.#isOpen) return
    this.#node.meters.frames++
    const charge = this.#charge()
    if (charge.kind !== 'taken') {
      this.#refuse(charge, this.codec.decode(bytes, format))
      return
    }
    if (this.#isResume(bytes, format)) return
    this.#inbox.push({ bytes, format })
  }

  /** Takes a ping or a pong of the transport: a sign of life that has no reply of ours, and costs as much as a frame. */
  receiveSign (): void {
    if (this.#isOpen && this.#charge().kind === 'flooding') this.close('flooding')
  }

  /** Sends a reply or a notice. */
  send (frame: ServerFrame): void {
    this.write(this.codec.encode(frame))
  }

  /** Answers a request with an error; the connection lives on. */
  sendError (error: RoomcastError, id?: RequestId, room?: string): void {
    const { code, message, retryAfterMs } = error
    this.#node.meters.refusals.frame.add(code)
    this.#node.log.debug({ connectionId: this.connectionId, userId: this.userId, room, code }, 'a frame was refused')
    this.send({ type: 'error', id, room, code, message, retryAfterMs })
  }

  /** Writes encoded frames, and ends the connection if its peer leaves too much unread. */
  write (frames: Uint8Array): void {
    if (!this.#isOpen) return
    try {
      this.transport.write(frames)
    } catch (error) {
      return this.#fail(error)
    }
    const { bufferedBytes } = this.transport
    if (bufferedBytes === 0) return
    if (bufferedBytes > this.#node.settings.maxBufferedBytes) this.close('slowConsumer')
    else this.#node.backlog.add(frames.byteLength)
  }

  /** Whether the peer reads too slowly for so many bytes more: more than half its mark waits, or would be more than its mark with them. */
  isBehind (bytes: number): boolean {
    const { transport: { bufferedBytes } } = this
    const { maxBufferedBytes } = this.#node.settings
    return bufferedBytes > maxBufferedBytes / 2 || bufferedBytes + bytes > maxBufferedBytes
  }

  /** Ends the connection for a reason of the close table. */
  close (name: CloseName, closeCode: CloseCode = closeCodes[name]): void {
    if (!this.#isOpen) return
    this.transport.close(closeCode.code, closeCode.reason)
    this.end(closeCode)
  }

  /** The one way out: nothing is handled or delivered from here on, and the node clears what is left of it. */
  end (closeCode: Pick<CloseCode, 'code' | 'reason'>): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onFirstFrame?.(undefined)
    for (const subscription of this.subscriptions.values()) subscription.end()
    this.#inbox.clear()
    this.#node.part(this, closeCode)
  }

  #charge (): Charge {
    this.seenAt = this.#node.now()
    return this.#budget.charge(this.seenAt)
  }

  /** Answers a frame over the budget in its turn, or ends the connection, of which it is then told at once. */
  #refuse (charge: Exclude<Charge, { kind: 'taken' }>, decoded: Decoded): void {
    const request = decoded.kind === 'frame' ? decoded.frame : decoded
    const room = 'room' in request ? request.room : undefined
    if (charge.kind === 'refused') {
      const { retryAfterMs } = charge
      this.#inbox.push(async () => { this.sendError(new RoomcastError('rate_limited', { retryAfterMs }), request.id, room) })
      return
    }
    if (this.isWelcomed) this.sendError(new RoomcastError('rate_limited'), request.id, room)
    this.close('flooding')
  }

  /** Hands the first frame to whoever waits for a resume; true if it was one. */
  #isResume (bytes: Uint8Array, format: 'text' | 'binary'): boolean {
    const onFirstFrame = this.#onFirstFrame
    if (onFirstFrame === undefined) return false
    this.#onFirstFrame = undefined
    const decoded = this.codec.decode(bytes, format)
    const frame = decoded.kind === 'frame' && decoded.frame.type === 'resume' ? decoded.frame : undefined
    onFirstFrame(frame)
    return frame !== undefined
  }

  async #handle ({ bytes, format }: IncomingFrame): Promise<void> {
    const decoded = this.codec.decode(bytes, format)
    if (decoded.kind === 'invalid') {
      this.sendError(new RoomcastError(decoded.code, { message: decoded.message }), decoded.id)
      this.close('badFrames')
      return
    }
    const { frame } = decoded
    try {
      const verb = verbs[frame.type] as (connection: Connection, node: RealtimeNode, frame: ClientFrame) => Promise<void> | void
      await verb(this, this.#node, frame)
    } catch (error) {
      if (!(error instanceof RoomcastError)) throw error
      if (this.#isOpen) this.sendError(error, frame.id, 'room' in frame ? frame.room : undefined)
    }
  }

  /** A bug, or an opening that Redis refused, whose trouble is logged where it is noticed: this connection ends, its neighbours and the process live. */
  #fail (error: unknown): void {
    this.#node.log[error instanceof RoomcastError ? 'debug' : 'error']({ err: error, connectionId: this.connectionId, userId: this.userId }, 'a connection failed and was closed')
    this.close('internal')
  }
}
