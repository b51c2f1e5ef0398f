import { randomBytes } from 'node:crypto'

/** The shape of every id that Roomcast makes: URL-safe, without spaces, so that it can stand in an envelope's head. */
export const ID_PATTERN = '^[A-Za-z0-9_-]{1,64}$'

/** A new id for a connection, a node or an epoch: 128 random bits, unique for ever. */
export function createId (): string {
  return randomBytes(16).toString('base64url')
}
