import type { IdempotencyKey } from './idempotency.ts'

/** Where one stands in a room: an offset is an integer ≥ 1 (0: nothing was published yet) within the numbering that the epoch names. */
export interface Position {
  readonly epoch: string
  readonly offset: number
}

/**
 * The end of a room: the position of its newest publication. After Redis was restarted or replaced its epoch is new, and `inherits` names the
 * one before it: positions in that, up to `upTo`, are positions in this one; later ones were lost.
 */
export interface RoomEnd extends Position {
  readonly inherits?: { readonly epoch: string, readonly upTo: number } | undefined
}

/** The offset under the end's epoch that a position stands for; undefined if it stands for none. */
export function offsetUnder (end: RoomEnd, { epoch, offset }: Position): number | undefined {
  if (epoch === end.epoch) return offset <= end.offset ? offset : undefined
  return epoch === end.inherits?.epoch && offset <= end.inherits.upTo ? offset : undefined
}

/**
 * The offset under the end's epoch after which everything is new to who got as far as a position. It is what the position stands for; or where
 * it stands for none, how far the new numbering goes back with the old one.
 */
export function missedFrom (end: RoomEnd, position: Position): number {
  const { offset, epoch } = position
  if (epoch === end.epoch || offsetUnder(end, position) !== undefined) return offset
  if (end.inherits === undefined) return 0
  return end.inherits.epoch === epoch ? end.inherits.upTo : offset
}

/** The connection that published; absent where a backend service did. */
export interface PublicationSender {
  readonly userId: string
  readonly connectionId: string
}

/** What a publisher hands to the broker. */
export interface PublicationDraft {
  readonly room: string
  /** The payload as JSON text: validated and serialised once, not touched again on its way to the sockets. */
  readonly data: string
  readonly from?: PublicationSender | undefined
  /** A connection that is left out when the publication is delivered. */
  readonly except?: string | undefined
  /** Makes a retry safe. */
  readonly idempotency?: IdempotencyKey | undefined
  /** Sent to whoever is there, and not kept. */
  readonly volatile?: boolean | undefined
}

/** What every publication carries. */
export interface PublicationContent {
  readonly room: string
  /** The payload as UTF-8 JSON, as its publisher serialised it. */
  readonly data: Uint8Array
  readonly from?: PublicationSender | undefined
  readonly except?: string | undefined
  /** When the broker took it, in milliseconds since 1970 on the broker's clock. */
  readonly at: number
}

/** A thing published, as the broker delivers it. */
export interface Publication extends Position, PublicationContent {}

/** A publication that is sent but not kept: it has no position, is in no history, and is missed by who is away. */
export interface VolatilePublication extends PublicationContent {
  readonly epoch?: undefined
  readonly offset?: undefined
}

/** What a publication takes up in a reply, beside its payload and its sender, in bytes. */
export const OVERHEAD_BYTES = 64

/** About how many bytes a publication takes up in a reply. */
export function bytesOf ({ data, from }: Pick<Publication, 'data' | 'from'>): number {
  return data.length + OVERHEAD_BYTES + (from === undefined ? 0 : from.userId.length + from.connectionId.length)
}

/** Whether a publication leaves a connection out: by its own id, or by that of the connection which it resumed. */
export function leavesOut (
  { except }: Pick<PublicationContent, 'except'>, { connectionId, resumedId }: { readonly connectionId: string, readonly resumedId: string | undefined }
): boolean {
  return except !== undefined && (except === connectionId || except === resumedId)
}

/** How a publication stands to the position that a room has reached on this node. */
export type Step = 'next' | 'known' | 'hole' | 'new epoch'

/**
 * Decides how a publication follows on a position.
 * 'hole' means that publications between the two never arrived; 'known' that it, or a later one, already did.
 */
export function stepFrom (position: Position, publication: Position): Step {
  if (publication.epoch !== position.epoch) return 'new epoch'
  if (publication.offset <= position.offset) return 'known'
  return publication.offset === position.offset + 1 ? 'next' : 'hole'
}
