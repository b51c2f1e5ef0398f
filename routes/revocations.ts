import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RevocationSchema } from '../src/core/revocations.ts'
import { errorResponses } from './schemas.ts'

/** `POST /revocations`: ends what is connected by a token, and refuses it from then on, on every node. */
const revocationRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post('/revocations', {
    onRequest: app.roomcastAuth.requireScope('revoke'),
    schema: {
      summary: 'Revoke tokens by user, by token or by time of issue, whole or in one room',
      tags: ['connections'],
      body: RevocationSchema,
      response: { 201: RevocationSchema, ...errorResponses(400, 401, 403, 413, 415, 429, 500, 503) }
    }
  }, async ({ body, roomcastCaller, log }, reply) => {
    await app.realtime.revoke(body)
    log.info({ revocation: body, caller: roomcastCaller }, 'revoked')
    return reply.code(201).send(body)
  })
}

export default revocationRoutes
