import { RoomcastError } from '../errors.ts'

/** A resume is taken as the first frame of a connection that announced it; anywhere else it comes too late. */
export function resume (): never {
  throw new RoomcastError('request_invalid', { message: 'resume is the first frame, after connecting with ?resume=1' })
}
