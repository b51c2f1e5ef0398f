import { Type, type TProperties, type TObject, type Static } from '@sinclair/typebox'
import { ID_PATTERN } from '../src/core/ids.ts'
import { MAX_ROOM_BYTES, MAX_USER_ID_BYTES } from '../src/core/names.ts'

// A character is at least one byte; the exact limits, in bytes, are checked where names are.
export const RoomNameSchema = Type.String({ minLength: 1, maxLength: MAX_ROOM_BYTES })
export const UserIdSchema = Type.String({ minLength: 1, maxLength: MAX_USER_ID_BYTES })
export const ConnectionIdSchema = Type.String({ pattern: ID_PATTERN })

/** An object in which nothing else may stand. */
export function closedObject<Properties extends TProperties> (properties: Properties, options: { description?: string } = {}): TObject<Properties> {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** A user's live connections, in an answer. */
export const ConnectionsSchema = Type.Array(closedObject({
  connectionId: Type.String(),
  nodeId: Type.String(),
  nodeName: Type.String(),
  connectedAt: Type.Integer({ description: 'Milliseconds since 1970' }),
  transport: Type.String(),
  info: Type.Unknown({ description: 'What the token shows of the user' })
}))

/** What an order came to that nodes obey when they hear of it: they were told. */
export const OrderedSchema = closedObject({
  connections: Type.Integer({ description: 'How many live connections presence knew of at that moment; those of nodes that are cut off hear of it too' })
})

export const ErrorSchema = closedObject({
  statusCode: Type.Integer(),
  code: Type.String({ description: 'Stable name of the refusal' }),
  error: Type.String(),
  message: Type.String()
})

/** Response schemas for the statuses that a route may refuse with. */
export function errorResponses<Status extends number> (...statuses: Status[]): Record<Status, typeof ErrorSchema> {
  return Object.fromEntries(statuses.map(status => [status, ErrorSchema])) as Record<Status, typeof ErrorSchema>
}

export type ErrorResponse = Static<typeof ErrorSchema>
