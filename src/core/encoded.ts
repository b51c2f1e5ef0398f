import type { Codec } from './codec.ts'
import type { ServerFrame } from './frames.ts'

/** A frame for many connections, encoded at most once for each codec. */
export class Encoded {
  readonly #frame: ServerFrame
  readonly #bytes = new Map<Codec, Uint8Array>()

  constructor (frame: ServerFrame) {
    this.#frame = frame
  }

  for (codec: Codec): Uint8Array {
    let bytes = this.#bytes.get(codec)
    if (bytes === undefined) this.#bytes.set(codec, bytes = codec.encode(this.#frame))
    return bytes
  }
}
