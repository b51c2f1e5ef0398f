import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { bodyErrors, errorResponses, scopeErrors } from './error-responses.ts'
import { closedObject, needsScope, OrderedSchema, RoomNameSchema, UserIdSchema } from './schemas.ts'

/** `PUT` and `DELETE /rooms/:room/members/:userId`: a user's live connections are subscribed to a room, or unsubscribed from it, on every node. */
const memberRoutes: FastifyPluginAsyncTypebox = async app => {
  const onRequest = app.roomcastAuth.requireScope('members:write')
  const shape = {
    tags: ['rooms'],
    ...needsScope('members:write'),
    params: closedObject({ room: RoomNameSchema, userId: UserIdSchema }),
    // A body is not needed, but read, and may be refused.
    response: { 202: OrderedSchema, ...errorResponses(...bodyErrors, 'user_invalid', 'room_invalid', ...scopeErrors, 'room_forbidden', 'outcome_unknown') }
  }

  app.put('/rooms/:room/members/:userId', {
    onRequest,
    schema: { operationId: 'subscribeUser', summary: 'Subscribe the live connections of a user to a room, whatever their tokens say of it', ...shape }
  }, async ({ params: { room, userId }, roomcastCaller, log }, reply) => {
    const connections = await app.realtime.subscribe(userId, room)
    log.info({ userId, room, connections, caller: roomcastCaller }, 'a subscribe was ordered')
    return reply.code(202).send({ connections })
  })

  app.delete('/rooms/:room/members/:userId', {
    onRequest,
    schema: { operationId: 'unsubscribeUser', summary: 'Unsubscribe the live connections of a user from a room; what their tokens allow may begin again', ...shape }
  }, async ({ params: { room, userId }, roomcastCaller, log }, reply) => {
    const connections = await app.realtime.unsubscribe(userId, room)
    log.info({ userId, room, connections, caller: roomcastCaller }, 'an unsubscribe was ordered')
    return reply.code(202).send({ connections })
  })
}

export default memberRoutes
