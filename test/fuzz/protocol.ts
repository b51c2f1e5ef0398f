import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { errors, type ErrorCode } from '../../src/core/errors.ts'
import { PositionSchema, RequestIdSchema, type MessageFrame, type ServerFrame } from '../../src/core/frames.ts'
import { closedObject } from '../../routes/schemas.ts'

const id = Type.Optional(RequestIdSchema)
const room = Type.String({ minLength: 1 })
const epoch = PositionSchema.properties.epoch
const offset = PositionSchema.properties.offset
const version = Type.Integer({ minimum: 0 })
const at = Type.Integer({ minimum: 1 })
const code = Type.Union(Object.keys(errors).map(name => Type.Literal(name as ErrorCode)))
const member = closedObject({ userId: Type.String(), info: Type.Unknown() })
const members = Type.Array(member)
const from = Type.Optional(closedObject({ userId: Type.String(), connectionId: Type.String() }))
const publications = Type.Array(closedObject({ offset, data: Type.Unknown(), from, at }))
const opened = {
  room,
  epoch,
  offset,
  recovered: Type.Optional(Type.Boolean()),
  publications: Type.Optional(publications),
  members: Type.Optional(members),
  version: Type.Optional(version)
}

/** Every frame that the server sends, as docs/protocol.md shows it to clients. */
const serverFrameSchemas = {
  welcome: closedObject({
    type: Type.Literal('welcome'),
    protocol: Type.Literal('roomcast.v1'),
    connectionId: Type.String(),
    userId: Type.String(),
    nodeName: Type.String(),
    expiresAt: Type.Union([Type.Integer(), Type.Null()]),
    pingIntervalMs: Type.Integer(),
    maxFrameBytes: Type.Integer(),
    rooms: Type.Array(closedObject(opened))
  }),
  subscribed: closedObject({ type: Type.Literal('subscribed'), id, ...opened }),
  unsubscribed: closedObject({ type: Type.Literal('unsubscribed'), id, room, code: Type.Optional(code) }),
  published: closedObject({
    type: Type.Literal('published'), id, room, epoch: Type.Optional(epoch), offset: Type.Optional(offset), duplicate: Type.Optional(Type.Literal(true))
  }),
  history: closedObject({ type: Type.Literal('history'), id, room, epoch, offset, more: Type.Boolean(), publications }),
  presence: closedObject({ type: Type.Literal('presence'), id, room, members, version }),
  join: closedObject({ type: Type.Literal('join'), room, member, version }),
  leave: closedObject({ type: Type.Literal('leave'), room, member, version }),
  message: closedObject({ type: Type.Literal('message'), room, offset: Type.Optional(offset), data: Type.Unknown(), from, at, skipped: Type.Optional(Type.Literal(true)) }),
  gap: closedObject({ type: Type.Literal('gap'), room, epoch, offset }),
  refreshed: closedObject({ type: Type.Literal('refreshed'), id, expiresAt: Type.Union([Type.Integer(), Type.Null()]) }),
  pong: closedObject({ type: Type.Literal('pong'), id }),
  token_expiring: closedObject({ type: Type.Literal('token_expiring'), expiresAt: Type.Integer() }),
  error: closedObject({
    type: Type.Literal('error'), id, room: Type.Optional(Type.String()), code, message: Type.String({ minLength: 1 }), retryAfterMs: Type.Optional(Type.Integer())
  })
} satisfies Record<(ServerFrame | MessageFrame)['type'], unknown>

const checks = new Map(Object.entries(serverFrameSchemas).map(([type, schema]) => [type, TypeCompiler.Compile(schema)]))

/** A frame of the server, read as a client reads it. */
export interface ReadFrame {
  readonly type: string
  readonly id?: string | number
  readonly code?: string
  readonly connectionId?: string
}

/** @throws Error that says what is wrong where it is no frame of the protocol */
export function readServerFrame (text: string): ReadFrame {
  const value = JSON.parse(text) as ReadFrame
  const check = checks.get(value.type)
  if (check === undefined) throw new Error(`the server sent a frame of no known type: ${text.slice(0, 500)}`)
  if (check.Check(value)) return value
  const error = check.Errors(value).First()
  throw new Error(`the server sent a frame whose "${error?.path}" is wrong (${error?.message}): ${text.slice(0, 500)}`)
}
