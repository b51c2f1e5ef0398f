import type { ErrorCode } from './errors.ts'
import type { ClientFrame, RequestId, ServerFrame } from './frames.ts'
import type { Publication, VolatilePublication } from './publication.ts'

/** A frame that could be read, or why it could not; then with the request's id where that much was readable. */
export type Decoded =
  | { readonly kind: 'frame', readonly frame: ClientFrame }
  | { readonly kind: 'invalid', readonly code: ErrorCode, readonly message: string, readonly id: RequestId | undefined }

/** Whether a connection gets a publication after the one before it, or after some were skipped because it was slow. */
export type PublicationPlace = 'next' | 'after skipped ones'

/**
 * Turns the core's events into one wire dialect and back. One codec serves all connections of its dialect, so it holds no state
 * of a connection. What it encodes is ready to be written: whole frames of its transport, which may be joined by concatenation.
 */
export interface Codec {
  /** Name of the dialect, as in the WebSocket subprotocol. */
  readonly protocol: string
  /** Reads one incoming frame. Never throws, whatever the bytes are. */
  decode: (bytes: Uint8Array, format: 'text' | 'binary') => Decoded
  /** Encodes a reply or a notice to one connection. */
  encode: (frame: ServerFrame) => Uint8Array
  /** Encodes a publication, once for all connections of this codec that it comes to as the next, or after skipped ones. */
  encodePublication: (publication: Publication | VolatilePublication, place?: PublicationPlace) => Uint8Array
}
