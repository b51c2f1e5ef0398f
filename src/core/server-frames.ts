import { Type, type TObject } from '@sinclair/typebox'
import { errors } from './errors.ts'
import { RequestIdSchema, type ClientFrame, type MessageFrame, type ServerFrame } from './frames.ts'

// What a client reads. The node writes these frames from their types in `frames.ts`; a test holds the two together, key by key, and what a server
// really sends to these. They are open: a later server may say more.

const id = Type.Optional(RequestIdSchema)
const room = Type.String()
const position = { epoch: Type.String(), offset: Type.Integer({ minimum: 0 }) }
const instant = Type.Integer({ description: 'Milliseconds since 1970' })
const version = Type.Integer({ minimum: 0, description: 'How far the joins and leaves of the room have got' })
const expiresAt = Type.Union([instant, Type.Null()], { description: 'When the token expires; null: never' })
const MemberSchema = Type.Object({ userId: Type.String(), info: Type.Unknown({ description: 'What the token shows of the user' }) })
const SenderSchema = Type.Object({ userId: Type.String(), connectionId: Type.String() }, { description: 'Absent where a backend published' })

const published = { data: Type.Unknown({ description: 'Any JSON' }), from: Type.Optional(SenderSchema), at: instant }
const PublicationSchema = Type.Object({ offset: Type.Integer({ minimum: 1 }), ...published })

/** Of a subscription: where it begins, what was missed before, and who is in the room, where these were asked for. */
const standing = {
  ...position,
  recovered: Type.Optional(Type.Boolean({ description: 'Whether everything after `since` is in `publications`' })),
  publications: Type.Optional(Type.Array(PublicationSchema)),
  members: Type.Optional(Type.Array(MemberSchema)),
  version: Type.Optional(version)
}

const ErrorCodeSchema = Type.Union(Object.keys(errors).map(code => Type.Literal(code)))

function frame<Name extends string, Properties extends object> (type: Name, properties: Properties) {
  return Type.Object({ type: Type.Literal(type), ...properties })
}

/** Every frame that the server sends, by its `type`, as it is on the wire. Each has one row in docs/protocol.md. */
export const serverFrameSchemas = {
  welcome: frame('welcome', {
    protocol: Type.String(),
    connectionId: Type.String(),
    userId: Type.String(),
    nodeName: Type.String(),
    expiresAt,
    pingIntervalMs: Type.Integer(),
    maxFrameBytes: Type.Integer(),
    rooms: Type.Array(Type.Object({ room, ...standing }))
  }),
  message: frame('message', {
    room,
    offset: Type.Optional(Type.Integer({ minimum: 1, description: 'Absent where it is volatile' })),
    ...published,
    skipped: Type.Optional(Type.Literal(true, { description: 'Others before it were not sent' }))
  }),
  subscribed: frame('subscribed', { id, room, ...standing }),
  unsubscribed: frame('unsubscribed', { id, room, code: Type.Optional(ErrorCodeSchema) }),
  published: frame('published', {
    id, room, epoch: Type.Optional(position.epoch), offset: Type.Optional(position.offset), duplicate: Type.Optional(Type.Literal(true))
  }),
  history: frame('history', { id, room, ...position, publications: Type.Array(PublicationSchema), more: Type.Boolean() }),
  presence: frame('presence', { id, room, members: Type.Array(MemberSchema), version }),
  join: frame('join', { room, member: MemberSchema, version }),
  leave: frame('leave', { room, member: MemberSchema, version }),
  refreshed: frame('refreshed', { id, expiresAt }),
  pong: frame('pong', { id }),
  gap: frame('gap', { room, ...position }),
  token_expiring: frame('token_expiring', { expiresAt: instant }),
  error: frame('error', {
    id, room: Type.Optional(room), code: ErrorCodeSchema, message: Type.String(), retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 }))
  })
} as const satisfies Record<(ServerFrame | MessageFrame)['type'], TObject>

export type ServerFrameType = keyof typeof serverFrameSchemas

/** What answers a request that is not refused. */
export const replies = {
  subscribe: 'subscribed',
  unsubscribe: 'unsubscribed',
  publish: 'published',
  presence: 'presence',
  history: 'history',
  resume: 'welcome',
  refresh: 'refreshed',
  ping: 'pong'
} as const satisfies Record<ClientFrame['type'], ServerFrameType>

/** What is sent without having been asked for. */
export const unasked = [
  'welcome', 'message', 'join', 'leave', 'presence', 'gap', 'subscribed', 'unsubscribed', 'token_expiring', 'error'
] as const satisfies readonly ServerFrameType[]
