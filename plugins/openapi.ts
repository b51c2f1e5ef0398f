import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'

/** Describes the routes of this scope as OpenAPI, at `/docs`. */
export default fp(async (app: FastifyInstance) => {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Roomcast', version: '1', description: 'Real-time rooms and presence. The WebSocket protocol is in docs/protocol.md.' },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or a token with the scope that the route needs' }
        }
      },
      security: [{ bearer: [] }]
    }
  })
  await app.register(fastifySwaggerUi, { routePrefix: '/docs' })
}, { name: 'roomcast-openapi', fastify: '5.x' })
