import { RoomcastError } from './errors.ts'

/** How many connections a user may have. */
export interface ConnectionLimit {
  readonly most: number
  /** The connection that a new one goes on from, which does not count. */
  readonly resumedId?: string | undefined
}

export function tooManyConnections (most: number): RoomcastError {
  return new RoomcastError('limit_exceeded', { message: `A user may have ${most} connections at a time` })
}
