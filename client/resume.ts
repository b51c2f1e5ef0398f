import type { ResumeFrame } from '../src/core/frames.ts'

/** Rooms in one resume, as the server takes them. */
export const MAX_ROOMS = 1_000

export interface ResumeOptions {
  /** By which an answer to it is known: it has one only if it was not taken. */
  readonly id: number
  /** Of the connection that was lost. */
  readonly connectionId: string | undefined
  readonly rooms: readonly ResumeFrame['rooms'][number][]
  /** The largest frame that the server takes, in bytes. */
  readonly maxBytes: number
}

/** The resume of as many rooms as one frame may hold; the others are subscribed after the welcome. */
export function resumeFrame ({ id, connectionId, rooms, maxBytes }: ResumeOptions): ResumeFrame {
  const frame = { type: 'resume' as const, id, ...(connectionId !== undefined && { connectionId }), rooms: [] as ResumeFrame['rooms'] }
  let bytes = byteLength(JSON.stringify(frame))
  for (const room of rooms.slice(0, MAX_ROOMS)) {
    bytes += byteLength(JSON.stringify(room)) + 1
    if (bytes > maxBytes) break
    frame.rooms.push(room)
  }
  return frame
}

/** Bytes of a text as UTF-8. */
export function byteLength (text: string): number {
  return new TextEncoder().encode(text).length
}
