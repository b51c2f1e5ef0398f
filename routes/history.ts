import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RoomcastError } from '../src/core/errors.ts'
import { assertPublicRoom } from '../src/core/names.ts'
import type { Publication } from '../src/core/publication.ts'
import { bodyErrors, errorResponses, scopeErrors } from './error-responses.ts'
import * as examples from './examples.ts'
import { closedObject, needsScope, RoomNameSchema } from './schemas.ts'

/** Publications in one page. */
const MAX_LIMIT = 1_000
const DEFAULT_LIMIT = 100

const roomErrors = ['room_invalid', 'room_forbidden'] as const

/** `GET` and `DELETE /rooms/:room/history`: what is kept of a room's publications. */
const historyRoutes: FastifyPluginAsyncTypebox = async app => {
  const params = closedObject({ room: RoomNameSchema })

  app.get('/rooms/:room/history', {
    onRequest: app.roomcastAuth.requireScope('history:read'),
    schema: {
      operationId: 'getRoomHistory',
      summary: 'Publications that are kept of a room, after a position or in reverse before it',
      tags: ['rooms'],
      ...needsScope('history:read'),
      params,
      querystring: closedObject({
        epoch: Type.Optional(Type.String({ maxLength: 64, description: 'Of the position to go on from; with `offset`' })),
        offset: Type.Optional(Type.Integer({
          minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Of the position to go on from; with `epoch`. Neither: from the oldest that is kept'
        })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT, description: 'Most publications in the answer' })),
        reverse: Type.Optional(Type.Boolean({ description: 'Newest first, before the position' }))
      }),
      response: {
        200: closedObject({
          room: Type.String(),
          epoch: Type.String(),
          offset: Type.Integer({ description: 'The newest publication, whether it is kept or not' }),
          publications: Type.Array(closedObject({
            offset: Type.Integer(),
            data: Type.Unknown(),
            from: Type.Optional(closedObject({ userId: Type.String(), connectionId: Type.String() })),
            at: Type.Integer({ description: 'Milliseconds since 1970' })
          })),
          more: Type.Boolean({ description: 'Whether there are others behind the last one here' })
        }, { description: 'A page of the history', examples: [examples.history] }),
        ...errorResponses('request_invalid', ...scopeErrors, ...roomErrors, 'history_unreachable')
      }
    }
  }, async ({ params: { room }, query: { epoch, offset, limit = DEFAULT_LIMIT, reverse } }) => {
    assertPublicRoom(room)
    if ((epoch === undefined) !== (offset === undefined)) {
      throw new RoomcastError('request_invalid', { message: 'A position is an epoch and an offset' })
    }
    const since = epoch === undefined || offset === undefined ? undefined : { epoch, offset }
    const page = await app.roomcastNode.recovery.history(room, { since, limit, reverse })
    return { room, epoch: page.epoch, offset: page.offset, publications: page.publications.map(toItem), more: page.more }
  })

  app.delete('/rooms/:room/history', {
    onRequest: app.roomcastAuth.requireScope('history:delete'),
    schema: {
      operationId: 'deleteRoomHistory',
      summary: 'Forget what is kept of a room, on every node; offsets go on',
      tags: ['rooms'],
      ...needsScope('history:delete'),
      params,
      // A body is not needed, but read, and may be refused.
      response: { 204: Type.Null({ description: 'It is forgotten' }), ...errorResponses(...bodyErrors, ...scopeErrors, ...roomErrors, 'outcome_unknown') }
    }
  }, async ({ params: { room } }, reply) => {
    assertPublicRoom(room)
    await app.roomcastBroker.forget(room)
    return reply.code(204).send(null)
  })
}

export default historyRoutes

function toItem ({ offset, data, from, at }: Publication): { offset: number, data: unknown, from?: { userId: string, connectionId: string }, at: number } {
  return { offset, data: JSON.parse(Buffer.from(data).toString()) as unknown, ...from && { from: { ...from } }, at }
}
