import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { closedObject, errorResponses, UserIdSchema } from './schemas.ts'

export const UserPresenceSchema = closedObject({
  userId: Type.String(),
  online: Type.Boolean(),
  connections: Type.Array(closedObject({
    connectionId: Type.String(),
    nodeId: Type.String(),
    nodeName: Type.String(),
    connectedAt: Type.Integer({ description: 'Milliseconds since 1970' }),
    transport: Type.String(),
    info: Type.Unknown({ description: 'What the token shows of the user' })
  }))
})

/** `GET /presence/:userId`: whether a user is online, and where. */
const presenceRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/presence/:userId', {
    onRequest: app.roomcastAuth.requireScope('presence:read'),
    schema: {
      summary: 'Who is online: one user, on every node',
      tags: ['presence'],
      params: closedObject({ userId: UserIdSchema }),
      response: { 200: UserPresenceSchema, ...errorResponses(400, 401, 403, 500, 503) }
    }
  }, async ({ params: { userId } }) => {
    const { online, connections } = await app.presence.user(userId)
    return { userId, online, connections: [...connections] }
  })
}

export default presenceRoutes
