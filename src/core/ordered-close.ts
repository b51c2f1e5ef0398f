import { Type, type Static } from '@sinclair/typebox'
import { closeCodes, type CloseCode, type CloseName } from './close-codes.ts'
import { RoomcastError } from './errors.ts'

/** Longest reason in a close frame, in UTF-8 bytes (RFC 6455 §5.5: 125, of which the code takes two). */
export const MAX_REASON_BYTES = 123

/** What a disconnect that somebody orders may ask of the client: not to come back, to come back at once, or to come back with a new token. */
export const OrderedCodeSchema = Type.Union([Type.Literal(4403), Type.Literal(1001), Type.Literal(4401)])

export type OrderedCode = Static<typeof OrderedCodeSchema>

/** Under which name of the close table each stands. */
const ordered = { 1001: 'goingAway', 4401: 'tokenExpired', 4403: 'disconnected' } as const satisfies Record<OrderedCode, CloseName>

/** A close that somebody orders. */
export interface OrderedClose {
  readonly code: OrderedCode
  readonly reason: string
}

/**
 * What is ordered where a caller leaves something out: 4403, and the reason that the table has for a code.
 * @throws RoomcastError `request_invalid` for a code that cannot be ordered, or a reason that no close frame can carry
 */
export function orderedClose ({ code = closeCodes.disconnected.code, reason }: Partial<{ [Key in keyof OrderedClose]: OrderedClose[Key] | undefined }>): OrderedClose {
  if (!Object.hasOwn(ordered, code)) throw new RoomcastError('request_invalid', { message: `code: one of ${Object.keys(ordered).join(', ')}` })
  if (reason !== undefined && !isReason(reason)) {
    throw new RoomcastError('request_invalid', { message: `reason: 1 to ${MAX_REASON_BYTES} bytes of well-formed Unicode` })
  }
  return { code, reason: reason ?? closeCodes[ordered[code]].reason }
}

/** The row of the close table that an ordered close is, with its own reason. */
export function closeOf ({ code, reason }: OrderedClose): CloseCode {
  return { ...closeCodes[ordered[code]], reason }
}

function isReason (reason: string): boolean {
  return reason.length > 0 && reason.isWellFormed() && Buffer.byteLength(reason) <= MAX_REASON_BYTES
}
