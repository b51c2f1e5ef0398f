import { STATUS_CODES } from 'node:http'
import fp from 'fastify-plugin'
import type { FastifyError, FastifyInstance } from 'fastify'
import { errors, RoomcastError, type ErrorCode } from '../src/core/errors.ts'

/** The body of every error. */
export interface ErrorBody {
  readonly statusCode: number
  readonly code: ErrorCode
  readonly error: string
  readonly message: string
}

/** Turns every error of this scope into the one error body. */
export default fp(async (app: FastifyInstance) => {
  app.setErrorHandler<FastifyError | RoomcastError>((error, request, reply) => {
    const known = error instanceof RoomcastError ? error : fromFastify(error)
    if (known.code === 'internal') request.log.error({ err: error }, 'a request failed')
    else request.log.debug({ err: error }, 'a request was refused')
    if (known.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(known.retryAfterMs / 1_000))
    return reply.code(known.statusCode).send(bodyOf(known))
  })
}, { name: 'roomcast-errors', fastify: '5.x' })

/** The body of an error; what a 5xx was about stays in the log. */
export function bodyOf ({ code, statusCode, message }: RoomcastError): ErrorBody {
  const isOurs = statusCode >= 500
  return { statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message: isOurs ? errors[code].message : message }
}

/** What Fastify itself refuses, in the words of our table. */
export function fromFastify (error: FastifyError): RoomcastError {
  if (error.validation !== undefined) return new RoomcastError('request_invalid', { message: error.message, cause: error })
  switch (error.statusCode) {
    case 413: return new RoomcastError('payload_too_large', { cause: error })
    case 415: return new RoomcastError('media_type_unsupported', { cause: error })
    default: break
  }
  const isRefused = error.statusCode !== undefined && error.statusCode < 500
  return isRefused ? new RoomcastError('request_invalid', { message: error.message, cause: error }) : new RoomcastError('internal', { cause: error })
}
