import { Type, type FastifyPluginAsyncTypebox, type Static } from '@fastify/type-provider-typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RoomcastError } from '../src/core/errors.ts'
import { IdempotencyKeySchema } from '../src/core/frames.ts'
import { MAX_KEY_LENGTH } from '../src/core/idempotency.ts'
import type { PublishOutcome } from '../src/core/publish-all.ts'
import type { PublishRequest } from '../src/core/realtime.ts'
import { bodyErrors, errorResponse, errorResponses, scopeErrors } from './error-responses.ts'
import * as examples from './examples.ts'
import { closedObject, ConnectionIdSchema, needsScope, RoomNameSchema, UserIdSchema } from './schemas.ts'

/** Rooms or users in one publish. */
const MAX_TARGETS = 1_000

/** Publishes in one batch, and rooms or users in all of them together. */
const MAX_BATCH = 1_000
const MAX_BATCH_TARGETS = 10_000

/** How much larger than a single publish a batch may be. */
const BATCH_BODY_FACTOR = 16

export const PublishBodySchema = closedObject({
  room: Type.Optional(RoomNameSchema),
  rooms: Type.Optional(Type.Array(RoomNameSchema, { minItems: 1, maxItems: MAX_TARGETS })),
  user: Type.Optional(UserIdSchema),
  users: Type.Optional(Type.Array(UserIdSchema, { minItems: 1, maxItems: MAX_TARGETS })),
  everyone: Type.Optional(Type.Literal(true)),
  data: Type.Unknown({ description: 'Any JSON; numbers are IEEE doubles' }),
  except: Type.Optional(ConnectionIdSchema),
  key: Type.Optional(IdempotencyKeySchema),
  volatile: Type.Optional(Type.Boolean({ description: 'Sent to whoever is there and not kept: no position, no history' }))
}, { description: 'Exactly one of room, rooms, user, users, everyone; a name given twice counts once', 'x-examples': examples.publishBodies })

type PublishBody = Static<typeof PublishBodySchema>

const publishBodyCheck = TypeCompiler.Compile(PublishBodySchema)

const addressed = { room: Type.String(), user: Type.Optional(Type.String()) }

const position = { epoch: Type.Optional(Type.String()), offset: Type.Optional(Type.Integer({ description: 'Absent where it is volatile' })) }

const duplicate = Type.Boolean({ description: 'Whether it was published before, under the same key' })

export const PublicationsSchema = Type.Array(closedObject({ ...addressed, ...position, duplicate }))

/** Where only a part was published: a position for each room, or why there is none. */
export const OutcomesSchema = Type.Array(closedObject({
  ...addressed, ...position, duplicate: Type.Optional(duplicate), code: Type.Optional(Type.String())
}))

/** The errors of a publish that may have happened, or happened in part. */
const PublishErrorSchema = partly(errorResponse(['unavailable', 'outcome_unknown']))

function partly ({ properties, 'x-examples': named, ...options }: ReturnType<typeof errorResponse>) {
  const example = { ...(named as { outcome_unknown: { value: object } }).outcome_unknown.value, publications: examples.outcomes }
  return closedObject({ ...properties, publications: Type.Optional(OutcomesSchema) }, {
    ...options, 'x-examples': { ...named as object, 'in part': { value: example } }
  })
}

export const BatchReplySchema = closedObject({
  results: Type.Array(closedObject({
    statusCode: Type.Integer({ description: 'Of this publish: 200, or as of an error' }),
    code: Type.Optional(Type.String()),
    error: Type.Optional(Type.String()),
    message: Type.Optional(Type.String()),
    publications: Type.Optional(OutcomesSchema)
  }), { description: 'One for each publish, in order' })
}, { description: 'All were tried; what came of each', examples: [examples.batchReply] })

/** `POST /publish`, `POST /publish/batch`: how a backend service reaches rooms, users or everyone, on every node. */
const publishRoutes: FastifyPluginAsyncTypebox = async app => {
  const { maxFrameBytes } = app.roomcastSettings
  const onRequest = app.roomcastAuth.requireScope('publish')

  app.post('/publish', {
    bodyLimit: maxFrameBytes,
    onRequest,
    schema: {
      operationId: 'publish',
      summary: 'Publish to a room, several rooms, a user, several users or everyone',
      tags: ['publish'],
      ...needsScope('publish'),
      headers: Type.Object({
        'idempotency-key': Type.Optional(Type.String({ description: `The same as key in the body; 1 to ${MAX_KEY_LENGTH} characters` }))
      }),
      body: PublishBodySchema,
      response: {
        200: closedObject({ publications: PublicationsSchema }, { description: 'It is published: a position for each room', 'x-examples': examples.published }),
        ...errorResponses(...bodyErrors, ...scopeErrors, 'payload_invalid', 'room_invalid', 'user_invalid', 'room_forbidden', 'publication_refused', 'key_reused'),
        503: PublishErrorSchema
      }
    }
  }, async ({ body, headers, roomcastCaller, log }) => {
    const { target, data, ...options } = requestOf(body, roomcastCaller, keyOf(body, headers['idempotency-key']))
    const publications = await app.realtime.publish(target, data, options)
    log.debug({ caller: roomcastCaller, publications }, 'published')
    return { publications }
  })

  app.post('/publish/batch', {
    bodyLimit: maxFrameBytes * BATCH_BODY_FACTOR,
    onRequest,
    schema: {
      operationId: 'publishBatch',
      summary: `Do up to ${MAX_BATCH} publishes, in order; one that fails does not stop the others`,
      tags: ['publish'],
      ...needsScope('publish'),
      body: closedObject({
        publishes: Type.Array(Type.Unknown({ description: 'As the body of POST /publish' }), { minItems: 1, maxItems: MAX_BATCH })
      }, { examples: [examples.batch] }),
      response: { 200: BatchReplySchema, ...errorResponses(...bodyErrors, ...scopeErrors) }
    }
  }, async ({ body: { publishes }, headers, roomcastCaller, log }) => {
    if (headers['idempotency-key'] !== undefined) throw new RoomcastError('request_invalid', { message: 'In a batch each publish has a key of its own' })
    const requests = publishes.map(body => publishBodyCheck.Check(body) ? requestOf(body, roomcastCaller) : invalid(body))
    const valid = requests.filter((request): request is PublishRequest => !(request instanceof RoomcastError))
    if (valid.reduce((sum, { target: { rooms, users } }) => sum + (rooms ?? users ?? [1]).length, 0) > MAX_BATCH_TARGETS) {
      throw new RoomcastError('request_invalid', { message: `A batch names at most ${MAX_BATCH_TARGETS} rooms and users` })
    }
    const settled = (await app.realtime.publishBatch(valid)).values()
    const results = requests.map(request => {
      const outcome = request instanceof RoomcastError ? undefined : settled.next().value
      return outcome?.status === 'fulfilled'
        ? { statusCode: 200, publications: outcome.value as PublishOutcome[] }
        : app.roomcastErrorBody(outcome?.reason ?? request, log)
    })
    return { results }
  })
}

function requestOf ({ data, except, volatile, key: ownKey, ...target }: PublishBody, caller: string, key = ownKey): PublishRequest {
  return { target, data, except, volatile, key, caller }
}

/** @throws RoomcastError `request_invalid` where header and body name different keys */
function keyOf ({ key }: PublishBody, header: string | undefined): string | undefined {
  // The draft's header is a quoted string (RFC 8941 §3.3.3); most send it bare.
  const named = header === undefined ? undefined : /^"(.*)"$/.exec(header)?.[1] ?? header
  if (named === undefined) return key
  if (named.length === 0 || named.length > MAX_KEY_LENGTH) {
    throw new RoomcastError('request_invalid', { message: `headers/idempotency-key: 1 to ${MAX_KEY_LENGTH} characters` })
  }
  if (key !== undefined && key !== named) throw new RoomcastError('request_invalid', { message: 'The header and the body name different keys' })
  return named
}

function invalid (body: unknown): RoomcastError {
  const error = publishBodyCheck.Errors(body).First()
  return new RoomcastError('request_invalid', { message: `${error?.path.slice(1) ?? ''}: ${error?.message ?? 'invalid'}` })
}

export default publishRoutes
