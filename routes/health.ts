import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { errorResponses } from './error-responses.ts'
import { closedObject } from './schemas.ts'

const StatusSchema = closedObject({ status: Type.Literal('ok') }, { description: 'Yes', examples: [{ status: 'ok' }] })

/** `GET /live` and `GET /ready`: what a supervisor and a load balancer ask. */
const healthRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/live', {
    schema: { operationId: 'getLive', summary: 'The process runs', tags: ['health'], security: [], response: { 200: StatusSchema } }
  }, async () => ({ status: 'ok' as const }))

  app.get('/ready', {
    schema: {
      operationId: 'getReady',
      summary: 'This node can do its job: a probe went out through Redis and came back, and it is not shutting down',
      tags: ['health'],
      security: [],
      response: { 200: StatusSchema, ...errorResponses('unavailable', 'draining') }
    }
  }, async () => {
    await app.roomcastNode.check()
    return { status: 'ok' as const }
  })
}

export default healthRoutes
