import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MAX_QUERIED_USERS } from '../src/core/presence-service.ts'
import type { UserPresence } from '../src/core/presence-store.ts'
import { closedObject, ConnectionsSchema, errorResponses, UserIdSchema } from './schemas.ts'

const answer = {
  userId: Type.String(),
  online: Type.Boolean(),
  lastSeenAt: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Milliseconds since 1970; null while online, and if not seen for 30 days'
  })
}

export const UserPresenceSchema = closedObject({ ...answer, connections: ConnectionsSchema })

export const PresenceQueryReplySchema = closedObject({
  users: Type.Array(closedObject({ ...answer, connections: Type.Optional(ConnectionsSchema) }))
})

/** Whether users are online, and where. */
const presenceRoutes: FastifyPluginAsyncTypebox = async app => {
  const onRequest = app.roomcastAuth.requireScope('presence:read')

  app.get('/presence/:userId', {
    onRequest,
    schema: {
      summary: 'Who is online: one user, on every node',
      tags: ['presence'],
      params: closedObject({ userId: UserIdSchema }),
      response: { 200: UserPresenceSchema, ...errorResponses(400, 401, 403, 500, 503) }
    }
  }, async ({ params: { userId } }) => {
    const presence = await app.presence.user(userId)
    return { ...presence, connections: [...presence.connections] }
  })

  app.post('/presence/query', {
    bodyLimit: QUERY_BODY_BYTES,
    onRequest,
    schema: {
      summary: 'Who is online: up to 1,000 users at once',
      tags: ['presence'],
      body: closedObject({
        userIds: Type.Array(UserIdSchema, { minItems: 1, maxItems: MAX_QUERIED_USERS }),
        connections: Type.Optional(Type.Boolean({ description: 'Whether the connections are told too' }))
      }),
      response: { 200: PresenceQueryReplySchema, ...errorResponses(400, 401, 403, 413, 415, 500, 503) }
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
