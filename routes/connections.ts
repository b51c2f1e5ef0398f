import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MAX_REASON_BYTES, OrderedCodeSchema } from '../src/core/ordered-close.ts'
import { bodyErrors, errorResponses, scopeErrors } from './error-responses.ts'
import * as examples from './examples.ts'
import { closedObject, ConnectionIdSchema, ConnectionsSchema, needsScope, OrderedSchema, UserIdSchema } from './schemas.ts'

const CodeSchema = Type.Optional({
  ...OrderedCodeSchema, default: 4403, description: 'What the client shall do: 4403 not come back, 1001 come back at once, 4401 with a new token'
})

const ReasonSchema = Type.Optional(Type.String({
  minLength: 1, maxLength: MAX_REASON_BYTES, description: `Stands in the close frame; at most ${MAX_REASON_BYTES} bytes`
}))

// A body is not needed, but read, and may be refused.
const orderErrors = [...bodyErrors, ...scopeErrors, 'outcome_unknown'] as const

/** The live connections of users: what there is, and their end, on every node. */
const connectionRoutes: FastifyPluginAsyncTypebox = async app => {
  const params = closedObject({ userId: UserIdSchema })

  app.get('/users/:userId/connections', {
    onRequest: app.roomcastAuth.requireScope('presence:read'),
    schema: {
      operationId: 'listConnections',
      summary: 'The live connections of a user, on every node, oldest first',
      tags: ['connections'],
      ...needsScope('presence:read'),
      params,
      response: {
        200: closedObject({ userId: Type.String(), connections: ConnectionsSchema }, { description: 'None for a user who is offline', examples: [examples.userConnections] }),
        ...errorResponses('request_invalid', 'user_invalid', ...scopeErrors)
      }
    }
  }, async ({ params: { userId } }) => ({ userId, connections: [...await app.presence.connections(userId)] }))

  app.delete('/users/:userId/connections', {
    onRequest: app.roomcastAuth.requireScope('connections:write'),
    schema: {
      operationId: 'disconnectUser',
      summary: 'Disconnect a user, on every node; it may come back, unless its token is revoked',
      tags: ['connections'],
      ...needsScope('connections:write'),
      params,
      querystring: closedObject({ code: CodeSchema, reason: ReasonSchema, except: Type.Optional(ConnectionIdSchema) }),
      response: { 202: OrderedSchema, ...errorResponses(...orderErrors, 'user_invalid') }
    }
  }, async ({ params: { userId }, query: { except, code, reason }, roomcastCaller, log }, reply) => {
    const connections = await app.realtime.disconnect({ user: userId, except }, { code, reason })
    log.info({ userId, except, code, reason, connections, caller: roomcastCaller }, 'a disconnect was ordered')
    return reply.code(202).send({ connections })
  })

  app.delete('/connections/:connectionId', {
    onRequest: app.roomcastAuth.requireScope('connections:write'),
    schema: {
      operationId: 'disconnectConnection',
      summary: 'Disconnect one connection, on whatever node it is',
      tags: ['connections'],
      ...needsScope('connections:write'),
      params: closedObject({ connectionId: ConnectionIdSchema }),
      querystring: closedObject({ code: CodeSchema, reason: ReasonSchema }),
      response: { 202: OrderedSchema, ...errorResponses(...orderErrors, 'connection_unknown') }
    }
  }, async ({ params: { connectionId }, query: { code, reason }, roomcastCaller, log }, reply) => {
    const connections = await app.realtime.disconnect({ connection: connectionId }, { code, reason })
    log.info({ connectionId, code, reason, connections, caller: roomcastCaller }, 'a disconnect was ordered')
    return reply.code(202).send({ connections })
  })
}

export default connectionRoutes
