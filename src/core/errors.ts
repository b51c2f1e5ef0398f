interface ErrorEntry {
  /** The HTTP status of the same refusal over REST. */
  readonly statusCode: number
  /** What a person reads; a call site may say it more precisely. */
  readonly message: string
}

/**
 * Errors answer: a request was refused and changed nothing (but for `outcome_unknown`), the connection lives on.
 * One table serves the error frames and the REST bodies; docs/protocol.md#errors is tested against it.
 * What ends a connection is in `close-codes.ts`.
 */
export const errors = {
  request_invalid: { statusCode: 400, message: 'The request does not have the documented shape' },
  frame_invalid: { statusCode: 400, message: 'The frame does not have the documented shape' },
  payload_invalid: { statusCode: 400, message: 'The data is nested too deeply' },
  room_invalid: { statusCode: 400, message: 'A room name is 1 to 200 bytes of well-formed Unicode without control characters' },
  user_invalid: { statusCode: 400, message: 'A user id is 1 to 128 bytes of well-formed Unicode without control characters' },
  unauthorized: { statusCode: 401, message: 'A valid token or API key is required' },
  origin_forbidden: { statusCode: 403, message: 'This origin may not connect' },
  scope_forbidden: { statusCode: 403, message: 'The credential lacks the scope that this needs' },
  room_forbidden: { statusCode: 403, message: 'The token does not allow this in this room' },
  publication_refused: { statusCode: 403, message: 'The publication was refused' },
  not_found: { statusCode: 404, message: 'There is nothing at this address' },
  connection_unknown: { statusCode: 404, message: 'No live connection has this id' },
  request_timeout: { statusCode: 408, message: 'The request did not come in time' },
  history_unreachable: { statusCode: 410, message: 'The position is of a numbering that is gone; begin anew' },
  not_subscribed: { statusCode: 409, message: 'The connection is not subscribed to this room' },
  payload_too_large: { statusCode: 413, message: 'The body is larger than allowed' },
  media_type_unsupported: { statusCode: 415, message: 'The body must be application/json' },
  upgrade_required: { statusCode: 426, message: 'This address speaks WebSocket; all checks passed' },
  key_reused: { statusCode: 422, message: 'The key was used before, for something else' },
  limit_exceeded: { statusCode: 429, message: 'The limit is reached; free something first' },
  headers_too_large: { statusCode: 431, message: 'The headers are larger than allowed' },
  rate_limited: { statusCode: 429, message: 'Too much in too short a time; try again later' },
  internal: { statusCode: 500, message: 'Something went wrong here' },
  unavailable: { statusCode: 503, message: 'It did not happen; try again later' },
  outcome_unknown: { statusCode: 503, message: 'It may or may not have happened' },
  draining: { statusCode: 503, message: 'This node is shutting down; connect to another' }
} as const satisfies Record<string, ErrorEntry>

/** The stable, machine-readable name of a refusal. */
export type ErrorCode = keyof typeof errors

export interface RoomcastErrorOptions extends ErrorOptions {
  /** Replaces the table's message; never holds a secret. */
  readonly message?: string
  /** When a retry makes sense, where the call site knows it better than the table. */
  readonly retryAfterMs?: number
}

/** After a refusal that passes by itself, how long to wait before the next try, in milliseconds. */
export const RETRY_AFTER_MS = 1_000

/** The one error class: it becomes an HTTP body in `plugins/errors.ts` and an error frame in `connection.ts`. */
export class RoomcastError extends Error {
  readonly code: ErrorCode
  readonly #retryAfterMs: number | undefined

  constructor (code: ErrorCode, options: RoomcastErrorOptions = {}) {
    super(options.message ?? errors[code].message, options)
    this.name = 'RoomcastError'
    this.code = code
    this.#retryAfterMs = options.retryAfterMs
  }

  /** The HTTP status that Fastify answers with. */
  get statusCode (): number { return errors[this.code].statusCode }

  /** Milliseconds until a retry makes sense; undefined where the same request would be refused again. */
  get retryAfterMs (): number | undefined {
    return this.#retryAfterMs ?? (this.statusCode === 503 || this.code === 'rate_limited' ? RETRY_AFTER_MS : undefined)
  }
}
