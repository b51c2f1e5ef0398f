import { Type, type Static } from '@sinclair/typebox'
import type { ErrorCode } from './errors.ts'
import { MAX_KEY_LENGTH } from './idempotency.ts'
import { ID_PATTERN } from './ids.ts'
import type { Member } from './presence-store.ts'
import type { Position, Publication, PublicationSender } from './publication.ts'

/** The native protocol's name: the WebSocket subprotocol, and `welcome.protocol`. */
export const PROTOCOL = 'roomcast.v1'

// The limit is what fits comfortably into a reply; an id is the client's own and is only echoed.
export const RequestIdSchema = Type.Union([Type.String({ maxLength: 64 }), Type.Number()])

/** A request's id; its reply carries it. */
export type RequestId = Static<typeof RequestIdSchema>

const request = { id: Type.Optional(RequestIdSchema) }
const closed = { additionalProperties: false }

/** A position, as a client kept it. */
export const PositionSchema = Type.Object({
  epoch: Type.String({ maxLength: 64 }), offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
}, closed)

export const SubscribeFrameSchema = Type.Object({
  type: Type.Literal('subscribe'), ...request, room: Type.String(), since: Type.Optional(PositionSchema), presence: Type.Optional(Type.Literal(true))
}, closed)

export const UnsubscribeFrameSchema = Type.Object({
  type: Type.Literal('unsubscribe'), ...request, room: Type.String()
}, closed)

/** A publisher's own name for a publication, so that a retry is not published twice. */
export const IdempotencyKeySchema = Type.String({ minLength: 1, maxLength: MAX_KEY_LENGTH })

export const PublishFrameSchema = Type.Object({
  type: Type.Literal('publish'),
  ...request,
  room: Type.String(),
  data: Type.Unknown(),
  key: Type.Optional(IdempotencyKeySchema),
  volatile: Type.Optional(Type.Literal(true)),
  echo: Type.Optional(Type.Literal(false))
}, closed)

export const PresenceFrameSchema = Type.Object({
  type: Type.Literal('presence'), ...request, room: Type.String()
}, closed)

export const HistoryFrameSchema = Type.Object({
  type: Type.Literal('history'),
  ...request,
  room: Type.String(),
  since: Type.Optional(PositionSchema),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  reverse: Type.Optional(Type.Boolean())
}, closed)

/** Rooms in one resume. */
export const MAX_RESUMED_ROOMS = 1_000

export const ResumeFrameSchema = Type.Object({
  type: Type.Literal('resume'),
  ...request,
  connectionId: Type.Optional(Type.String({ pattern: ID_PATTERN })),
  rooms: Type.Array(Type.Object({
    room: Type.String(), since: Type.Optional(PositionSchema), presence: Type.Optional(Type.Literal(true))
  }, closed), { maxItems: MAX_RESUMED_ROOMS })
}, closed)

/** Longest token, in characters. Its claims become a part of the connection, and what refuses it must not cost much. */
export const MAX_TOKEN_LENGTH = 16_384

export const RefreshFrameSchema = Type.Object({
  type: Type.Literal('refresh'), ...request, token: Type.String({ minLength: 1, maxLength: MAX_TOKEN_LENGTH })
}, closed)

export const PingFrameSchema = Type.Object({ type: Type.Literal('ping'), ...request }, closed)

/** Every frame that a client may send, by its `type`. Each has one verb in `verbs/` and one row in docs/protocol.md. */
export const clientFrameSchemas = {
  subscribe: SubscribeFrameSchema,
  unsubscribe: UnsubscribeFrameSchema,
  publish: PublishFrameSchema,
  presence: PresenceFrameSchema,
  history: HistoryFrameSchema,
  resume: ResumeFrameSchema,
  refresh: RefreshFrameSchema,
  ping: PingFrameSchema
} as const

export type SubscribeFrame = Static<typeof SubscribeFrameSchema>
export type UnsubscribeFrame = Static<typeof UnsubscribeFrameSchema>
export type PublishFrame = Static<typeof PublishFrameSchema>
export type PresenceFrame = Static<typeof PresenceFrameSchema>
export type HistoryFrame = Static<typeof HistoryFrameSchema>
export type ResumeFrame = Static<typeof ResumeFrameSchema>
export type RefreshFrame = Static<typeof RefreshFrameSchema>
export type PingFrame = Static<typeof PingFrameSchema>
export type ClientFrame = SubscribeFrame | UnsubscribeFrame | PublishFrame | PresenceFrame | HistoryFrame | ResumeFrame | RefreshFrame | PingFrame

/** A subscription that stands, in `welcome.rooms`. */
export interface RoomPosition extends Position {
  readonly room: string
}

/** What was missed since a position: whole, or not at all. Codecs write a publication as `{offset, data, from?, at}`. */
export interface Replay {
  readonly recovered: boolean
  readonly publications: readonly Publication[]
}

/** The members of a room, and how far its joins and leaves have got. */
export interface RoomMembers {
  readonly members: readonly Member[]
  readonly version: number
}

interface Reply { readonly id?: RequestId | undefined }

/** Every frame that the server sends but `message`, which codecs make from a publication. */
export type ServerFrame =
  | {
    readonly type: 'welcome'
    readonly protocol: string
    readonly connectionId: string
    readonly userId: string
    readonly nodeName: string
    readonly expiresAt: number | null
    readonly pingIntervalMs: number
    readonly maxFrameBytes: number
    readonly rooms: ReadonlyArray<RoomPosition & Partial<Replay> & Partial<RoomMembers>>
  }
  | { readonly type: 'subscribed' } & Reply & RoomPosition & Partial<Replay> & Partial<RoomMembers>
  | { readonly type: 'history', readonly more: boolean, readonly publications: readonly Publication[] } & Reply & RoomPosition
  | { readonly type: 'presence', readonly room: string } & Reply & RoomMembers
  | { readonly type: 'join' | 'leave', readonly room: string, readonly member: Member, readonly version: number }
  | { readonly type: 'unsubscribed', readonly room: string, readonly code?: ErrorCode | undefined } & Reply
  | { readonly type: 'published', readonly room: string, readonly duplicate?: true | undefined } & Reply & Partial<Position>
  | { readonly type: 'refreshed', readonly expiresAt: number | null } & Reply
  | { readonly type: 'pong' } & Reply
  | { readonly type: 'gap' } & RoomPosition
  | { readonly type: 'token_expiring', readonly expiresAt: number }
  | {
    readonly type: 'error'
    readonly room?: string | undefined
    readonly code: ErrorCode
    readonly message: string
    readonly retryAfterMs?: number | undefined
  } & Reply

/** A publication on the wire. `data` is typed by the application. */
export interface MessageFrame<Data = unknown> {
  readonly type: 'message'
  readonly room: string
  /** Absent where it is volatile. */
  readonly offset?: number
  readonly data: Data
  readonly from?: PublicationSender
  readonly at: number
  /** Publications before this one were not sent, because the connection did not read as fast as they came. */
  readonly skipped?: true
}
