import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { errorResponses, scopeErrors } from './error-responses.ts'
import * as examples from './examples.ts'
import { closedObject, needsScope } from './schemas.ts'

const NodesReplySchema = closedObject({
  nodes: Type.Array(closedObject({
    nodeId: Type.String({ description: 'New at each start, and after each lost lease' }),
    nodeName: Type.String(),
    version: Type.String({ description: 'Of Roomcast' }),
    startedAt: Type.Integer({ description: 'When the process began, on its own clock; milliseconds since 1970' }),
    leaseEndsAt: Type.Integer({ description: 'On the clock of Redis; milliseconds since 1970. Without another heartbeat its users are offline then' }),
    connections: Type.Integer(),
    rooms: Type.Integer({ description: 'Rooms that its connections are in, without those of the server' })
  }), { description: 'In the order of their names' })
}, { description: 'All of them', examples: [examples.nodes] })

/** `GET /nodes`: which nodes there are, by one question to Redis, however many they are. */
const nodeRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/nodes', {
    onRequest: app.roomcastAuth.requireScope('nodes:read'),
    schema: {
      operationId: 'listNodes',
      summary: 'Nodes whose lease lasts, with what each told with its last heartbeat',
      tags: ['nodes'],
      ...needsScope('nodes:read'),
      response: { 200: NodesReplySchema, ...errorResponses(...scopeErrors) }
    }
  }, async () => ({ nodes: await app.presence.nodes() }))
}

export default nodeRoutes
