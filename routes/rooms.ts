import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MAX_ROOM_BYTES, MAX_USER_ID_BYTES } from '../src/core/names.ts'
import { MAX_PAGE_SIZE } from '../src/core/presence-service.ts'
import { errorResponses, scopeErrors } from './error-responses.ts'
import * as examples from './examples.ts'
import { closedObject, needsScope, RoomNameSchema } from './schemas.ts'

const LimitSchema = Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, default: 100, description: 'Most of them in the answer' }))
const NextSchema = Type.Union([Type.String(), Type.Null()], { description: 'Ask with `after` set to this for the next page; null at the end' })
const errors = errorResponses('request_invalid', ...scopeErrors)
const roomErrors = errorResponses('request_invalid', 'room_invalid', ...scopeErrors, 'room_forbidden')

/** Which rooms are in use, and who is in them. */
const roomRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/rooms', {
    onRequest: app.roomcastAuth.requireScope('rooms:read'),
    schema: {
      operationId: 'listRooms',
      summary: 'Rooms in use on any node, in the order of their names',
      tags: ['rooms'],
      ...needsScope('rooms:read'),
      querystring: closedObject({
        prefix: Type.Optional(Type.String({ maxLength: MAX_ROOM_BYTES, description: 'Only rooms whose names begin with this' })),
        after: Type.Optional(Type.String({ maxLength: MAX_ROOM_BYTES, description: 'Only rooms behind this one' })),
        limit: LimitSchema
      }),
      response: {
        200: closedObject({ rooms: Type.Array(Type.String()), next: NextSchema }, { description: 'A page of names', examples: [examples.rooms] }), ...errors
      }
    }
  }, async ({ query }) => app.presence.rooms(query))

  app.get('/rooms/:room/presence', {
    onRequest: app.roomcastAuth.requireScope('presence:read'),
    schema: {
      operationId: 'getRoomPresence',
      summary: 'Members of a room, in the order of their user ids, with the version that its joins and leaves made',
      tags: ['rooms'],
      ...needsScope('presence:read'),
      params: closedObject({ room: RoomNameSchema }),
      querystring: closedObject({
        after: Type.Optional(Type.String({ maxLength: MAX_USER_ID_BYTES, description: 'Only members behind this user id' })), limit: LimitSchema
      }),
      response: {
        200: closedObject({
          room: Type.String(),
          members: Type.Array(closedObject({ userId: Type.String(), info: Type.Unknown() })),
          version: Type.Integer({ description: 'A page with another version than the one before it is of another moment' }),
          next: NextSchema
        }, { description: 'A page of members', examples: [examples.roomPresence] }),
        ...roomErrors
      }
    }
  }, async ({ params: { room }, query }) => {
    const { members, version, next } = await app.presence.membersPage(room, query)
    return { room, members: [...members], version, next }
  })

  app.get('/rooms/:room/occupancy', {
    onRequest: app.roomcastAuth.requireScope('rooms:read'),
    schema: {
      operationId: 'getRoomOccupancy',
      summary: 'How many live connections and users are in a room',
      tags: ['rooms'],
      ...needsScope('rooms:read'),
      params: closedObject({ room: RoomNameSchema }),
      response: {
        200: closedObject({ connections: Type.Integer(), members: Type.Integer() }, { description: 'Both counts', examples: [examples.occupancy] }),
        ...roomErrors
      }
    }
  }, async ({ params: { room } }) => app.presence.occupancy(room))
}

export default roomRoutes
