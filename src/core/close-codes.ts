/** What a client should do after a close: come back at once (with jitter), after a back-off, with a new token, or not at all. */
export type Reconnect = 'now' | 'backoff' | 'new token' | 'never'

export interface CloseCode {
  readonly code: number
  readonly reason: string
  readonly reconnect: Reconnect
}

/**
 * Closes end: every way in which the server ends a connection. Codes below 4000 are RFC 6455 §7.4.1's.
 * Refusals that leave the connection alive are in `errors.ts`; docs/protocol.md#close-codes is tested against this table.
 */
export const closeCodes = {
  goingAway: { code: 1001, reason: 'going away', reconnect: 'now' },
  tooBig: { code: 1009, reason: 'too big', reconnect: 'never' },
  badFrames: { code: 4400, reason: 'bad frames', reconnect: 'never' },
  tokenExpired: { code: 4401, reason: 'token expired or revoked', reconnect: 'new token' },
  disconnected: { code: 4403, reason: 'disconnected by the API', reconnect: 'never' },
  noSignOfLife: { code: 4408, reason: 'no sign of life', reconnect: 'now' },
  replaced: { code: 4409, reason: 'replaced by a newer connection', reconnect: 'never' },
  slowConsumer: { code: 4413, reason: 'slow consumer', reconnect: 'backoff' },
  flooding: { code: 4429, reason: 'flooding or over a limit', reconnect: 'backoff' },
  internal: { code: 4500, reason: 'internal', reconnect: 'backoff' }
} as const satisfies Record<string, CloseCode>

export type CloseName = keyof typeof closeCodes
