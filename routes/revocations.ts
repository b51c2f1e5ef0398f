import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RevocationSchema } from '../src/core/revocations.ts'
import { bodyErrors, errorResponses, scopeErrors } from './error-responses.ts'
import * as examples from './examples.ts'
import { needsScope } from './schemas.ts'

/** `POST /revocations`: ends what is connected by a token, and refuses it from then on, on every node. */
const revocationRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post('/revocations', {
    onRequest: app.roomcastAuth.requireScope('revoke'),
    schema: {
      operationId: 'revoke',
      summary: 'Revoke tokens by user, by token or by time of issue, whole or in one room',
      tags: ['connections'],
      ...needsScope('revoke'),
      body: { ...RevocationSchema, 'x-examples': examples.revocations },
      response: {
        201: { ...RevocationSchema, description: 'It is in force on every node', 'x-examples': { user: examples.revoked } },
        ...errorResponses(...bodyErrors, 'user_invalid', 'room_invalid', ...scopeErrors, 'room_forbidden', 'limit_exceeded', 'outcome_unknown')
      }
    }
  }, async ({ body, roomcastCaller, log }, reply) => {
    await app.realtime.revoke(body)
    log.info({ revocation: body, caller: roomcastCaller }, 'revoked')
    return reply.code(201).send(body)
  })
}

export default revocationRoutes
