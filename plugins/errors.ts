import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import type { FastifyError, FastifyInstance } from 'fastify'
import { errors, RoomcastError, type ErrorCode } from '../src/core/errors.ts'
import type { Logger } from '../src/core/logger.ts'
import type { Meters } from '../src/core/meters.ts'
import { PartlyPublishedError, type PublishOutcome } from '../src/core/publish-all.ts'

/** The body of every error. */
export interface ErrorBody {
  readonly statusCode: number
  readonly code: ErrorCode
  readonly error: string
  readonly message: string
  /** What publishing to each of several rooms came to. */
  readonly publications?: PublishOutcome[]
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The one error body of whatever was thrown; logs what is our fault as an error, what was refused as a detail. */
    roomcastErrorBody: (error: unknown, log: Logger) => ErrorBody
    /** Answers a request that has no reply, and ends its connection. */
    roomcastRefuse: typeof refuseSocket
  }
}

/** Turns every error of this scope into the one error body. */
export default fp(async (app: FastifyInstance) => {
  const { roomcastMeters: meters } = app
  app.decorate('roomcastErrorBody', (error: unknown, log: Logger) => bodyOf(know(error, log, meters)))
  app.decorate('roomcastRefuse', refuseSocket)
  app.setErrorHandler((error, request, reply) => {
    const known = know(error, request.log, meters)
    if (request.ws) meters.refusedUpgrades.add(known.statusCode)
    if (known.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(known.retryAfterMs / 1_000))
    return reply.code(known.statusCode).send(bodyOf(known))
  })
}, { name: 'roomcast-errors', dependencies: ['roomcast-meters'], fastify: '5.x' })

/** The body of an error; what a 5xx was about stays in the log. */
export function bodyOf (error: RoomcastError): ErrorBody {
  const { code, statusCode, message } = error
  const isOurs = statusCode >= 500
  const body = { statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message: isOurs ? errors[code].message : message }
  return error instanceof PartlyPublishedError ? { ...body, publications: [...error.outcomes] } : body
}

/** Answers, by hand, what did not get as far as a request with a reply, and ends its connection: nobody knows where the next request would begin. */
export function refuseSocket (socket: Socket, error: RoomcastError, headers: Readonly<Record<string, string>>): void {
  const text = JSON.stringify(bodyOf(error))
  const all = { ...headers, 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text), connection: 'close' }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 ${error.statusCode} ${STATUS_CODES[error.statusCode]}\r\n${lines.join('')}\r\n${text}`)
  socket.destroySoon()
}

/** Whatever was thrown, in the words of our table. */
function know (error: unknown, log: Logger, { refusals }: Meters): RoomcastError {
  const known = error instanceof RoomcastError ? error : fromFastify(error as FastifyError)
  refusals.rest.add(known.code)
  if (known.code === 'internal') log.error({ err: error }, 'a request failed')
  else log.debug({ err: error }, 'a request was refused')
  return known
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
