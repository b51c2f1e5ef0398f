import { TypeCompiler } from '@sinclair/typebox/compiler'
import sjson from 'secure-json-parse'
import type { Codec, Decoded, PublicationPlace } from './codec.ts'
import { clientFrameSchemas, PROTOCOL, RequestIdSchema, type ClientFrame, type RequestId, type ServerFrame } from './frames.ts'
import type { Publication, VolatilePublication } from './publication.ts'

/** Puts the bytes of one text frame into the form in which its transport sends them. */
export type Framer = (payload: Buffer) => Buffer

const checks = new Map(Object.entries(clientFrameSchemas).map(([type, schema]) => [type, TypeCompiler.Compile(schema)]))
const idCheck = TypeCompiler.Compile(RequestIdSchema)

/** The native dialect, `roomcast.v1`: JSON text frames. docs/protocol.md is its description. */
export class JsonCodec implements Codec {
  readonly protocol = PROTOCOL
  readonly #frame: Framer

  constructor ({ framer }: { framer: Framer }) {
    this.#frame = framer
  }

  decode (bytes: Uint8Array, format: 'text' | 'binary'): Decoded {
    if (format === 'binary') return invalid('Frames are text, not binary')
    let value: unknown
    try {
      value = sjson.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
    } catch {
      return invalid('The frame is not JSON, or holds __proto__')
    }
    return check(value)
  }

  encode (frame: ServerFrame): Buffer {
    return this.#frame(Buffer.from(textOf(frame)))
  }

  encodePublication ({ room, offset, data, from, at }: Publication | VolatilePublication, place: PublicationPlace = 'next'): Buffer {
    const position = offset === undefined ? '' : `,"offset":${offset}`
    const head = Buffer.from(`{"type":"message","room":${JSON.stringify(room)}${position},"data":`)
    const sender = from === undefined ? '' : `,"from":${JSON.stringify(from)}`
    const mark = place === 'next' ? '' : ',"skipped":true'
    return this.#frame(Buffer.concat([head, data, Buffer.from(`${sender},"at":${at}${mark}}`)]))
  }
}

/** A frame's text. Publications in it are written once each, however many replies they stand in, and their data is not touched. */
function textOf (frame: ServerFrame): string {
  if (frame.type === 'welcome') {
    const { rooms, ...rest } = frame
    return `${JSON.stringify(rest).slice(0, -1)},"rooms":[${rooms.map(withReplay).join(',')}]}`
  }
  return 'publications' in frame ? withReplay(frame) : JSON.stringify(frame)
}

function withReplay (value: object & { readonly publications?: readonly Publication[] | undefined }): string {
  const { publications, ...rest } = value
  if (publications === undefined) return JSON.stringify(rest)
  return `${JSON.stringify(rest).slice(0, -1)},"publications":[${publications.map(itemText).join(',')}]}`
}

const itemTexts = new WeakMap<Publication, string>()

function itemText (publication: Publication): string {
  let text = itemTexts.get(publication)
  if (text === undefined) {
    const { offset, data, from, at } = publication
    const sender = from === undefined ? '' : `,"from":${JSON.stringify(from)}`
    text = `{"offset":${offset},"data":${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString()}${sender},"at":${at}}`
    itemTexts.set(publication, text)
  }
  return text
}

function check (value: unknown): Decoded {
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    return invalid('A frame is a JSON object with a "type"')
  }
  const id = 'id' in value && idCheck.Check(value.id) ? value.id : undefined
  const schema = checks.get(value.type)
  if (schema === undefined) return invalid('The frame has an unknown "type"', id)
  if (!schema.Check(value)) {
    const error = schema.Errors(value).First()
    return invalid(`The frame's ${error?.path === '' ? 'shape' : `"${error?.path.slice(1)}"`} is wrong: ${error?.message}`, id)
  }
  // The schema was chosen by the frame's own type, so what it accepted is a client frame.
  return { kind: 'frame', frame: value as ClientFrame }
}

function invalid (message: string, id?: RequestId): Decoded {
  return { kind: 'invalid', code: 'frame_invalid', message, id }
}
