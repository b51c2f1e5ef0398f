import type { Publication, PublicationDraft, PublicationSender } from '../core/publication.ts'

/**
 * One publication between nodes: a head of ASCII words, a line feed, the sender as JSON, the payload as JSON.
 *
 *     p <epoch> <offset> <at> <except or -> <bytes of the sender>\n<sender><payload>
 *
 * The script writes the first four words, the publisher the rest; so nobody parses or serialises the payload on its way.
 */
export function encodeRest ({ data, from, except }: PublicationDraft): string {
  const sender = from === undefined ? '' : JSON.stringify(from)
  return `${except ?? '-'} ${Buffer.byteLength(sender)}\n${sender}${data}`
}

// A head is shorter than this; a line feed further on is the payload's.
const MAX_HEAD_BYTES = 256

const HEAD = /^p ([\w-]{1,64}) ([1-9]\d{0,15}) (\d{1,16}) ([\w-]{1,64}) (\d{1,6})$/

/** Reads an envelope; undefined if it is none, since anybody with access to Redis may publish on our channels. Never throws. */
export function decodeEnvelope (room: string, envelope: Buffer): Publication | undefined {
  const headEnd = envelope.subarray(0, MAX_HEAD_BYTES).indexOf(0x0A)
  const words = HEAD.exec(envelope.toString('latin1', 0, Math.max(headEnd, 0)))
  if (words === null) return undefined
  const [, epoch = '', offset, at, except, senderBytes] = words
  const senderEnd = headEnd + 1 + Number(senderBytes)
  const from = parseSender(envelope.toString('utf8', headEnd + 1, senderEnd))
  if (senderEnd > envelope.length || from === null) return undefined
  return {
    room,
    epoch,
    offset: Number(offset),
    at: Number(at),
    except: except === '-' ? undefined : except,
    from,
    data: envelope.subarray(senderEnd)
  }
}

/** The sender; undefined where there is none, null where it is not one. */
function parseSender (json: string): PublicationSender | undefined | null {
  if (json === '') return undefined
  try {
    return JSON.parse(json) as PublicationSender
  } catch {
    return null
  }
}
