import { createHash } from 'node:crypto'

/** How long a key is remembered, in milliseconds. */
export const KEY_RETENTION_MS = 5 * 60 * 1_000

/** Longest key, in characters. */
export const MAX_KEY_LENGTH = 255

/**
 * Makes a retry safe: the same content again under the same id is not published again. Both are digests, so that they are as short as the
 * envelope and may stand in the name of a key in Redis, whatever the caller's key holds.
 */
export interface IdempotencyKey {
  /** The caller's key, apart from every other caller's. */
  readonly id: string
  /** What was asked for; under one id it must not differ. */
  readonly content: string
}

/**
 * What a caller's key stands for (the idea: draft-ietf-httpapi-idempotency-key-header §2; the scope is ours: caller, room and key).
 * @param caller who publishes: keys of different callers never meet
 * @param key the caller's own
 * @param content all that a retry must repeat
 */
export function idempotencyKey (caller: string, key: string, content: readonly unknown[]): IdempotencyKey {
  return { id: digest([caller, key]), content: digest(content) }
}

function digest (values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url')
}
