import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { closedObject, errorResponses, RoomNameSchema, UserIdSchema } from './schemas.ts'

/** Longest `jti` of a token that can be revoked by it, in characters. */
const MAX_JTI_LENGTH = 256

/** The last instant that has a date (ECMA-262, "Time Values"). */
const MAX_INSTANT_MS = 8_640_000_000_000_000

const InstantSchema = Type.Integer({ minimum: 0, maximum: MAX_INSTANT_MS, description: 'Milliseconds since 1970' })

export const RevocationBodySchema = closedObject({
  user: Type.Optional(UserIdSchema),
  jti: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_JTI_LENGTH })),
  issuedBefore: Type.Optional(InstantSchema),
  room: Type.Optional(RoomNameSchema),
  expiresAt: InstantSchema
}, {
  description: 'Of user, jti and issuedBefore one or more: it is about the tokens that fit them all. With room: a ban from it. Remembered until expiresAt'
})

/** `POST /revocations`: ends what is connected by a token, and refuses it from then on, on every node. */
const revocationRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post('/revocations', {
    onRequest: app.roomcastAuth.requireScope('revoke'),
    schema: {
      summary: 'Revoke tokens by user, by token or by time of issue, whole or in one room',
      tags: ['connections'],
      body: RevocationBodySchema,
      response: { 201: RevocationBodySchema, ...errorResponses(400, 401, 403, 413, 415, 429, 500, 503) }
    }
  }, async ({ body, roomcastCaller, log }, reply) => {
    await app.realtime.revoke(body)
    log.info({ revocation: body, caller: roomcastCaller }, 'revoked')
    return reply.code(201).send(body)
  })
}

export default revocationRoutes
