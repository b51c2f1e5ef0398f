/** What to do after a close: come back at once (with jitter), after a back-off, with a new token, or not at all. */
export type Reconnect = 'now' | 'backoff' | 'new token' | 'never'

// docs/protocol.md#close-codes; 1002 and 1007 are the library's below.
const table: Readonly<Record<number, Reconnect>> = {
  1001: 'now',
  1002: 'never',
  1007: 'never',
  1009: 'never',
  4400: 'never',
  4401: 'new token',
  4403: 'never',
  4408: 'now',
  4409: 'never',
  4413: 'backoff',
  4429: 'backoff',
  4500: 'backoff'
}

/** What a close code asks for; one that the table does not know, 1006 among them, asks for a back-off. */
export function reconnect (closeCode: number): Reconnect {
  return table[closeCode] ?? 'backoff'
}
