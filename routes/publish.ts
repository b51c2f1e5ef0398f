import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { closedObject, ConnectionIdSchema, errorResponses, RoomNameSchema, UserIdSchema } from './schemas.ts'

/** Rooms or users in one publish. */
const MAX_TARGETS = 1_000

export const PublishBodySchema = closedObject({
  room: Type.Optional(RoomNameSchema),
  rooms: Type.Optional(Type.Array(RoomNameSchema, { minItems: 1, maxItems: MAX_TARGETS })),
  user: Type.Optional(UserIdSchema),
  users: Type.Optional(Type.Array(UserIdSchema, { minItems: 1, maxItems: MAX_TARGETS })),
  everyone: Type.Optional(Type.Literal(true)),
  data: Type.Unknown({ description: 'Any JSON; numbers are IEEE doubles' }),
  except: Type.Optional(ConnectionIdSchema)
}, { description: 'Exactly one of room, rooms, user, users, everyone; a name given twice counts once' })

export const PublishReplySchema = closedObject({
  publications: Type.Array(closedObject({
    room: Type.String(),
    user: Type.Optional(Type.String()),
    epoch: Type.String(),
    offset: Type.Integer()
  }))
})

/** `POST /publish`: how a backend service reaches rooms, users or everyone, on every node. */
const publishRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post('/publish', {
    bodyLimit: app.roomcastSettings.maxFrameBytes,
    onRequest: app.roomcastAuth.requireScope('publish'),
    schema: {
      summary: 'Publish to a room, several rooms, a user, several users or everyone',
      tags: ['publish'],
      body: PublishBodySchema,
      response: { 200: PublishReplySchema, ...errorResponses(400, 401, 403, 413, 415, 500, 503) }
    }
  }, async ({ body }) => {
    const { data, except, ...target } = body
    return { publications: await app.realtime.publish(target, data, { except }) }
  })
}

export default publishRoutes
