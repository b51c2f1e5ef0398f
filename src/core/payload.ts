import { RoomcastError } from './errors.ts'

/** How deep `data` may be nested: far beyond what anyone means, far below where JSON.stringify overflows the stack. */
export const MAX_PAYLOAD_DEPTH = 100

/**
 * Serialises a payload, once, to the JSON text that travels from here to the sockets.
 * @throws RoomcastError `payload_invalid` if it is nested too deeply, `payload_too_large` if the text is longer than `maxBytes`
 */
export function encodePayload (data: unknown, maxBytes: number): string {
  assertDepth(data)
  const text: string | undefined = JSON.stringify(data)
  if (text === undefined) throw new RoomcastError('payload_invalid', { message: 'The data is not JSON' })
  if (Buffer.byteLength(text) > maxBytes) throw new RoomcastError('payload_too_large', { message: `The data is larger than ${maxBytes} bytes` })
  return text
}

/** @throws RoomcastError `payload_invalid` if a payload is nested too deeply */
export function assertDepth (data: unknown): void {
  if (!isWithinDepth(data, MAX_PAYLOAD_DEPTH)) throw new RoomcastError('payload_invalid')
}

function isWithinDepth (value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    if (!isWithinDepth(item, depth - 1)) return false
  }
  return true
}
