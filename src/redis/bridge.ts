import type { Logger } from '../core/logger.ts'
import { assertDepth, encodePayload } from '../core/payload.ts'
import type { VolatilePublication } from '../core/publication.ts'

export interface BridgeParts {
  /** Which Redis channel leads to which room; a channel may lead to several, and several to one. */
  readonly routes: ReadonlyArray<{ readonly channel: string, readonly room: string }>
  /** The largest payload that is delivered. */
  readonly maxBytes: number
  /** Redis' time, in milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
}

/**
 * Brings what others PUBLISH on plain Redis channels into rooms, as volatile publications. Every node hears it and serves its own connections,
 * so each gets one copy. JSON is delivered as it is, any other text as a JSON string; what is neither, or too large, is left out and logged.
 */
export class Bridge {
  readonly #parts: BridgeParts
  readonly #rooms = new Map<string, Set<string>>()
  /** Channels of which something was left out and logged; once is enough. */
  readonly #reported = new Set<string>()

  constructor (parts: BridgeParts) {
    this.#parts = parts
    for (const { channel, room } of parts.routes) this.#rooms.set(channel, new Set([...this.#rooms.get(channel) ?? [], room]))
  }

  /** The Redis channels that are listened to. */
  get channels (): string[] { return [...this.#rooms.keys()] }

  /** What a message on a channel becomes; undefined if the channel is not one of the bridge's. Never throws. */
  read (channel: string, message: Buffer): VolatilePublication[] | undefined {
    const rooms = this.#rooms.get(channel)
    if (rooms === undefined) return undefined
    const { maxBytes, now, log } = this.#parts
    try {
      const data = Buffer.from(payloadOf(message, maxBytes))
      const at = Math.floor(now())
      return Array.from(rooms, room => ({ room, data, at }))
    } catch (error) {
      log[this.#reported.has(channel) ? 'debug' : 'warn']({ err: error, channel }, 'a message on a bridged channel was left out')
      this.#reported.add(channel)
      return []
    }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws if it is no text, too large, or nested too deeply */
function payloadOf (message: Buffer, maxBytes: number): string {
  if (message.length > maxBytes) throw new Error(`It has ${message.length} bytes`)
  const text = utf8.decode(message)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return encodePayload(text, maxBytes)
  }
  // Delivered as it was written: what it would be if it were written again, such as a large number in full, is nobody's business.
  assertDepth(value)
  return text
}
