import { randomFillSync } from 'node:crypto'

/** The shape of every id that Roomcast makes: URL-safe, without spaces, so that it can stand in an envelope's head. */
export const ID_PATTERN = '^[A-Za-z0-9_-]{1,64}$'

const ID_BYTES = 16

// Asking the system for many at once costs as much as for one.
const pool = Buffer.alloc(ID_BYTES * 256)
let used = pool.length

/** A new id for a connection, a node or an epoch: 128 random bits, unique for ever. */
export function createId (): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += ID_BYTES
  return pool.toString('base64url', used - ID_BYTES, used)
}
