import type { ServerFrame } from '../src/core/frames.ts'

/** An error frame. */
export type ErrorFrame = Extract<ServerFrame, { type: 'error' }>

/**
 * The server's codes (docs/protocol.md#errors), and the client's own: `closed`, the client was closed; `unsubscribed`, the room was, before the
 * answer came; `queue_full`, too many publishes wait for a connection; `timeout`, one waited too long and was not sent; `token_failed`, `getToken`
 * rejected or took too long; `closed_by_server`, for good, with a close code that says why.
 */
export type ClientErrorCode = ErrorFrame['code'] | 'closed' | 'unsubscribed' | 'queue_full' | 'timeout' | 'token_failed' | 'closed_by_server'

export interface ClientErrorOptions {
  readonly cause?: unknown
  readonly closeCode?: number
  readonly retryAfterMs?: number | undefined
}

/** The one error class of the client. */
export class ClientError extends Error {
  readonly code: ClientErrorCode
  /** Of the WebSocket, with `closed_by_server`. */
  readonly closeCode: number | undefined
  /** How long to wait before a refused publish makes sense again, in milliseconds; undefined where the server does not say. */
  readonly retryAfterMs: number | undefined

  constructor (code: ClientErrorCode, message: string, options: ClientErrorOptions = {}) {
    super(message, options)
    this.name = 'ClientError'
    this.code = code
    this.closeCode = options.closeCode
    this.retryAfterMs = options.retryAfterMs
  }
}
