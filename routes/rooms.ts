import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MAX_ROOM_BYTES, MAX_USER_ID_BYTES } from '../src/core/names.ts'
import { MAX_PAGE_SIZE } from '../src/core/presence-service.ts'
import { closedObject, errorResponses, RoomNameSchema } from './schemas.ts'

const LimitSchema = Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, default: 100 }))
const NextSchema = Type.Union([Type.String(), Type.Null()], { description: 'Ask with `after` set to this for the next page; null at the end' })
const errors = errorResponses(400, 401, 403, 500, 503)

/** Which rooms are in use, and who is in them. */
const roomRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/rooms', {
    onRequest: app.roomcastAuth.requireScope('rooms:read'),
    schema: {
      summary: 'Rooms in use on any node, in the order of their names',
      tags: ['rooms'],
      querystring: closedObject({
        prefix: Type.Optional(Type.String({ maxLength: MAX_ROOM_BYTES })),
        after: Type.Optional(Type.String({ maxLength: MAX_ROOM_BYTES })),
        limit: LimitSchema
      }),
      response: { 200: closedObject({ rooms: Type.Array(Type.String()), next: NextSchema }), ...errors }
    }
  }, async ({ query }) => app.presence.rooms(query))

  app.get('/rooms/:room/presence', {
    onRequest: app.roomcastAuth.requireScope('presence:read'),
    schema: {
      summary: 'Members of a room, in the order of their user ids, with the version that its joins and leaves made',
      tags: ['rooms'],
      params: closedObject({ room: RoomNameSchema }),
      querystring: closedObject({ after: Type.Optional(Type.String({ maxLength: MAX_USER_ID_BYTES })), limit: LimitSchema }),
      response: {
        200: closedObject({
          room: Type.String(),
          members: Type.Array(closedObject({ userId: Type.String(), info: Type.Unknown() })),
          version: Type.Integer({ description: 'A page with another version than the one before it is of another moment' }),
          next: NextSchema
        }),
        ...errors
      }
    }
  }, async ({ params: { room }, query }) => {
    const { members, version, next } = await app.presence.membersPage(room, query)
    return { room, members: [...members], version, next }
  })

  app.get('/rooms/:room/occupancy', {
    onRequest: app.roomcastAuth.requireScope('rooms:read'),
    schema: {
      summary: 'How many live connections and users are in a room',
      tags: ['rooms'],
      params: closedObject({ room: RoomNameSchema }),
      response: { 200: closedObject({ connections: Type.Integer(), members: Type.Integer() }), ...errors }
    }
  }, async ({ params: { room } }) => app.presence.occupancy(room))
}

export default roomRoutes
