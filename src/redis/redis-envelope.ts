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

/** Reads an envelope; undefined if it is none, since anybody with access to Redis may publish on our channels. */
export function decodeEnvelope (room: string, envelope: Buffer): Publication | undefined {
  const headEnd = envelope.indexOf(0x0A)
  const [kind, epoch, offset, at, except, senderBytes] = envelope.toString('latin1', 0, Math.max(headEnd, 0)).split(' ')
  if (kind !== 'p' || epoch === undefined || senderBytes === undefined) return undefined
  const dataStart = headEnd + 1 + Number(senderBytes)
  const from = dataStart === headEnd + 1 ? undefined : JSON.parse(envelope.toString('utf8', headEnd + 1, dataStart)) as PublicationSender
  return {
    room,
    epoch,
    offset: Number(offset),
    at: Number(at),
    except: except === '-' ? undefined : except,
    from,
    data: envelope.subarray(dataStart)
  }
}
