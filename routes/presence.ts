import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MAX_QUERIED_USERS } from '../src/core/presence-service.ts'
import type { UserPresence } from '../src/core/presence-store.ts'
import { bodyErrors, errorResponses, scopeErrors } from './error-responses.ts'
import * as examples from './examples.ts'
import { closedObject, ConnectionsSchema, needsScope, UserIdSchema } from './schemas.ts'

const answer = {
  userId: Type.String(),
  online: Type.Boolean(),
  lastSeenAt: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Milliseconds since 1970; null while online, and if not seen for 30 days'
  })
}

export const UserPresenceSchema = closedObject({ ...answer, connections: ConnectionsSchema }, {
  description: 'The user, also one who is offline or was never seen', 'x-examples': examples.userPresence
})

export const PresenceQueryReplySchema = closedObject({
  users: Type.Array(closedObject({ ...answer, connections: Type.Optional(ConnectionsSchema) }))
}, { description: 'The users, in the order asked', examples: [examples.presenceQueryReply] })

/** Whether users are online, and where. */
const presenceRoutes: FastifyPluginAsyncTypebox = async app => {
  const onRequest = app.roomcastAuth.requireScope('presence:read')

  app.get('/presence/:userId', {
    onRequest,
    schema: {
      operationId: 'getPresence',
      summary: 'Who is online: one user, on every node',
      tags: ['presence'],
      ...needsScope('presence:read'),
      params: closedObject({ userId: UserIdSchema }),
      response: { 200: UserPresenceSchema, ...errorResponses('request_invalid', 'user_invalid', ...scopeErrors) }
    }
  }, async ({ params: { userId } }) => {
    const presence = await app.presence.user(userId)
    return { ...presence, connections: [...presence.connections] }
  })

  app.post('/presence/query', {
    bodyLimit: QUERY_BODY_BYTES,
    onRequest,
    schema: {
      operationId: 'queryPresence',
      summary: 'Who is online: up to 1,000 users at once',
      tags: ['presence'],
      ...needsScope('presence:read'),
      body: closedObject({
        userIds: Type.Array(UserIdSchema, { minItems: 1, maxItems: MAX_QUERIED_USERS }),
        connections: Type.Optional(Type.Boolean({ description: 'Whether the connections are told too' }))
      }, { examples: [examples.presenceQuery] }),
      response: { 200: PresenceQueryReplySchema, ...errorResponses(...bodyErrors, 'user_invalid', ...scopeErrors) }
    }
  }, async ({ body }) => {
    const users = await app.presence.query(body.userIds)
    return { users: body.connections === true ? users.map(withConnections) : users.map(withoutConnections) }
  })
}

export default presenceRoutes

/** A thousand user ids of 128 bytes, written as \uXXXX, and some room around them. */
const QUERY_BODY_BYTES = 1_048_576

function withConnections (presence: UserPresence): Omit<UserPresence, 'connections'> & { connections: Array<UserPresence['connections'][number]> } {
  return { ...presence, connections: [...presence.connections] }
}

function withoutConnections ({ userId, online, lastSeenAt }: UserPresence): Omit<UserPresence, 'connections'> {
  return { userId, online, lastSeenAt }
}
