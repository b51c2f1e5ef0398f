import { Type, type ObjectOptions, type TObject, type TProperties } from '@sinclair/typebox'
import type { Scope } from '../src/config.ts'
import { ID_PATTERN } from '../src/core/ids.ts'
import { MAX_ROOM_BYTES, MAX_USER_ID_BYTES } from '../src/core/names.ts'

// A character is at least one byte; the exact limits, in bytes, are checked where names are.
export const RoomNameSchema = Type.String({
  minLength: 1, maxLength: MAX_ROOM_BYTES, description: `Name of a room: 1 to ${MAX_ROOM_BYTES} bytes, no control characters, not beginning with $`, examples: ['lobby']
})
export const UserIdSchema = Type.String({
  minLength: 1, maxLength: MAX_USER_ID_BYTES, description: `A user's id, the \`sub\` of their tokens: 1 to ${MAX_USER_ID_BYTES} bytes`, examples: ['alice']
})
export const ConnectionIdSchema = Type.String({ pattern: ID_PATTERN, description: 'A connection, as its `welcome` names it' })

/** An object in which nothing else may stand. */
export function closedObject<Properties extends TProperties> (properties: Properties, options: ObjectOptions = {}): TObject<Properties> {
  return Type.Object(properties, { ...options, additionalProperties: false })
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
}, { description: 'Every node was told', examples: [{ connections: 2 }] })

/**
 * What a route asks for, in the words of `plugins/openapi.ts`, which makes the route's `security` of it. A host's own @fastify/swagger, which may see
 * our routes too, knows none of our schemes, and fails over their names.
 */
interface Security { readonly 'x-security': ReadonlyArray<Record<string, readonly string[]>> }

/** How a route that asks for a scope says so in the description: an API key, or a token, with that scope. */
export function needsScope (scope: Scope): Security {
  return { 'x-security': [{ apiKey: [scope] }, { token: [scope] }] }
}

/** How the route of connections says that it takes a client's token, in one of three places. */
export const needsClientToken: Security = { 'x-security': [{ clientToken: [] }, { clientTokenProtocol: [] }, { clientTokenQuery: [] }] }
