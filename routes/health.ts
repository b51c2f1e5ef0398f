import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { closedObject, errorResponses } from './schemas.ts'

const StatusSchema = closedObject({ status: Type.Literal('ok') })

/** `GET /live` and `GET /ready`: what a supervisor and a load balancer ask. */
const healthRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/live', {
    schema: { summary: 'The process runs', tags: ['health'], response: { 200: StatusSchema } }
  }, async () => ({ status: 'ok' as const }))

  app.get('/ready', {
    schema: {
      summary: 'This node can do its job: a probe went out through Redis and came back, and it is not shutting down',
      tags: ['health'],
      response: { 200: StatusSchema, ...errorResponses(503) }
    }
  }, async () => {
    await app.roomcastNode.check()
    return { status: 'ok' as const }
  })
}

export default healthRoutes
