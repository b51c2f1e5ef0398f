import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { errorResponses, scopeErrors } from './error-responses.ts'
import * as examples from './examples.ts'
import { needsScope } from './schemas.ts'

/** `GET /metrics`: what Prometheus reads. */
const metricsRoutes: FastifyPluginAsyncTypebox = async app => {
  const { roomcastMetrics: metrics, roomcastSettings: { metricsAccess } } = app
  if (metrics === null) return
  app.get('/metrics', {
    ...metricsAccess === 'scope' && { onRequest: app.roomcastAuth.requireScope('metrics') },
    schema: {
      operationId: 'getMetrics',
      summary: 'What this node has counted since its start, in the text format of Prometheus',
      tags: ['health'],
      ...metricsAccess === 'scope' && needsScope('metrics'),
      response: { 200: Type.String({ description: 'Names, types and values', examples: [examples.metrics] }), ...errorResponses(...scopeErrors) }
    }
  }, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
}

export default metricsRoutes
