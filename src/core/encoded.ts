import type { Codec } from './codec.ts'

/** What many connections are sent, encoded at most once for each codec. */
export class Encoded {
  readonly #encode: (codec: Codec) => Uint8Array
  readonly #bytes = new Map<Codec, Uint8Array>()

  constructor (encode: (codec: Codec) => Uint8Array) {
    this.#encode = encode
  }

  for (codec: Codec): Uint8Array {
    let bytes = this.#bytes.get(codec)
    if (bytes === undefined) this.#bytes.set(codec, bytes = this.#encode(codec))
    return bytes
  }
}
