import type { MemberEvent } from '../core/presence-store.ts'
import type { Position, Publication, PublicationContent, PublicationDraft, PublicationSender, VolatilePublication } from '../core/publication.ts'

/** What a node may find in an envelope. */
export type Envelope =
  | { readonly kind: 'publication', readonly publication: Publication }
  | { readonly kind: 'volatile', readonly publication: VolatilePublication }
  | { readonly kind: 'member event', readonly event: MemberEvent }
  | { readonly kind: 'forget' }

/**
 * One publication between nodes: a head of ASCII words, a line feed, the sender as JSON, the payload as JSON.
 *
 *     p <epoch> <offset> <at> <except or -> <bytes of the sender>\n<sender><payload>
 *
 * The script writes the first four words, the publisher the rest; so nobody parses or serialises the payload on its way. The history keeps
 * what follows the offset. A volatile one has no position:
 *
 *     v <at> <except or -> <bytes of the sender>\n<sender><payload>
 */
export function encodeRest ({ data, from, except }: PublicationDraft): string {
  const sender = from === undefined ? '' : JSON.stringify(from)
  return `${except ?? '-'} ${Buffer.byteLength(sender)}\n${sender}${data}`
}

// A head is shorter than this; a line feed further on is the body's.
const MAX_HEAD_BYTES = 256

const PUBLICATION = /^p ([\w-]{1,64}) ([1-9]\d{0,15}) (\d{1,16}) ([\w-]{1,64}) (\d{1,6})$/
const VOLATILE = /^v (\d{1,16}) ([\w-]{1,64}) (\d{1,6})$/
const MEMBER_EVENT = /^([jl]) ([\w-]{1,64}) ([1-9]\d{0,15}) (\d{1,6})$/

/**
 * Reads an envelope; undefined if it is none, since anybody with access to Redis may publish on our channels. Never throws. Joins and
 * leaves look like this:
 *
 *     j|l <epoch> <version> <bytes of the user id>\n<user id><info as JSON>
 */
export function decodeEnvelope (room: string, envelope: Buffer): Envelope | undefined {
  const headEnd = envelope.subarray(0, MAX_HEAD_BYTES).indexOf(0x0A)
  const head = envelope.toString('latin1', 0, Math.max(headEnd, 0))
  const body = envelope.subarray(headEnd + 1)
  if (head === 'f') return { kind: 'forget' }
  switch (head[0]) {
    case 'p': return decodePublication(room, head, body)
    case 'v': return decodeVolatile(room, head, body)
    default: return decodeMemberEvent(room, head, body)
  }
}

/** Reads an entry of a room's history: what follows the offset in the envelope. */
export function decodeHistoryEntry (room: string, { epoch, offset }: Position, entry: Buffer): Publication | undefined {
  const envelope = decodeEnvelope(room, Buffer.concat([Buffer.from(`p ${epoch} ${offset} `), entry]))
  return envelope?.kind === 'publication' ? envelope.publication : undefined
}

function decodePublication (room: string, head: string, body: Buffer): Envelope | undefined {
  const words = PUBLICATION.exec(head)
  if (words === null) return undefined
  const [, epoch = '', offset, ...rest] = words
  const content = decodeContent(room, rest, body)
  return content && { kind: 'publication', publication: { ...content, epoch, offset: Number(offset) } }
}

function decodeVolatile (room: string, head: string, body: Buffer): Envelope | undefined {
  const words = VOLATILE.exec(head)
  const content = words === null ? undefined : decodeContent(room, words.slice(1), body)
  return content && { kind: 'volatile', publication: content }
}

function decodeContent (room: string, [at, except, senderBytes]: readonly string[], body: Buffer): PublicationContent | undefined {
  const dataStart = Number(senderBytes)
  const from = parse(body.toString('utf8', 0, dataStart))
  if (dataStart > body.length || (dataStart > 0 && from === undefined)) return undefined
  return {
    room,
    at: Number(at),
    except: except === '-' ? undefined : except,
    from: from as PublicationSender | undefined,
    data: body.subarray(dataStart)
  }
}

function decodeMemberEvent (room: string, head: string, body: Buffer): Envelope | undefined {
  const words = MEMBER_EVENT.exec(head)
  if (words === null) return undefined
  const [, kind, epoch = '', version, userIdBytes] = words
  const infoStart = Number(userIdBytes)
  const info = parse(body.toString('utf8', infoStart))
  if (info === undefined) return undefined
  const member = { userId: body.toString('utf8', 0, infoStart), info }
  return { kind: 'member event', event: { type: kind === 'j' ? 'join' : 'leave', room, member, epoch, version: Number(version) } }
}

/** JSON, or undefined where it is none. */
function parse (json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
