import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { errorResponses } from './schemas.ts'

/** `GET /metrics`: what Prometheus reads. */
const metricsRoutes: FastifyPluginAsyncTypebox = async app => {
  const { roomcastMetrics: metrics, roomcastSettings: { metricsAccess } } = app
  if (metrics === null) return
  app.get('/metrics', {
    ...metricsAccess === 'scope' && { onRequest: app.roomcastAuth.requireScope('metrics') },
    schema: {
      summary: 'What this node has counted since its start, in the text format of Prometheus',
      tags: ['health'],
      response: { 200: Type.String(), ...errorResponses(401, 403, 500, 503) }
    }
  }, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
}

export default metricsRoutes
