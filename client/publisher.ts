import type { PublishFrame, ServerFrame } from '../src/core/frames.ts'
import { ClientError, type ErrorFrame } from './client-error.ts'
import { Outbox } from './outbox.ts'
import { byteLength } from './resume.ts'
import type { Published, PublishOptions } from './room.ts'
import { platform } from './web-platform.ts'

type PublishedFrame = Extract<ServerFrame, { type: 'published' }>

export interface PublisherParts {
  readonly nextId: () => number
  /** Sends text if there is a connection that takes it; false if not. */
  readonly send: (text: string) => boolean
  /** The largest frame that the server takes, in bytes. */
  readonly maxFrameBytes: () => number
  readonly maxQueued: number
  readonly timeoutMs: number
}

interface Publish {
  readonly id: number
  readonly text: string
  readonly resolve: (published: Published) => void
  readonly reject: (error: ClientError) => void
  readonly timer: ReturnType<typeof setTimeout>
  /** Whether it ever was, so that it may have happened. */
  wasSent: boolean
  /** Whether it was over a connection that was lost, so that a refusal of now says nothing of then. */
  wasLost: boolean
}

/** Longest key that a server takes, in characters. */
export const MAX_KEY_LENGTH = 255

const unknown = (why: string): ClientError => new ClientError('outcome_unknown', `${why}: it may have happened`)

/**
 * The publishes of a client: those that wait for a connection, and those that wait for their answer. What lost its connection before the
 * answer waits for the next and is sent again, first and in order, under the key that it has: the server publishes it once.
 */
export class Publisher {
  readonly #parts: PublisherParts
  readonly #queue: Outbox<Publish>
  readonly #sent = new Map<number, Publish>()
  /** What all keys of this client begin with: 128 random bits, since a user's clients share one set of keys. */
  readonly #keyPrefix = platform.crypto.getRandomValues(new Uint32Array(4)).join('.')

  constructor (parts: PublisherParts) {
    this.#parts = parts
    this.#queue = new Outbox(parts.maxQueued)
  }

  publish (room: string, data: unknown, { echo, volatile, key }: PublishOptions): Promise<Published> {
    return new Promise<Published>((resolve, reject) => {
      if (JSON.stringify(data) === undefined) throw new ClientError('payload_invalid', 'Not JSON')
      // A server ends the connection for good over such a frame.
      if (key === '' || (key !== undefined && key.length > MAX_KEY_LENGTH)) throw new ClientError('request_invalid', 'Key empty or too long')
      const id = this.#parts.nextId()
      const frame: PublishFrame = {
        type: 'publish', id, room, data, key: key ?? `${this.#keyPrefix}.${id}`, ...(echo === false && { echo }), ...(volatile && { volatile })
      }
      const timer = setTimeout(() => { this.#expire(publish) }, this.#parts.timeoutMs)
      const publish: Publish = { id, text: JSON.stringify(frame), resolve, reject, timer, wasSent: false, wasLost: false }
      if (this.#queue.size === 0 && this.#dispatch(publish)) return
      if (!this.#queue.push(publish)) this.#reject(publish, new ClientError('queue_full', 'Too many wait for a connection'))
    })
  }

  /** Sends what waits, as far as the connection takes it. */
  flush (): void {
    for (let next = this.#queue.peek(); next !== undefined && this.#dispatch(next); next = this.#queue.peek()) this.#queue.remove(next)
  }

  /** Takes an answer; false if it is to no publish. */
  settle (frame: PublishedFrame | ErrorFrame): boolean {
    const publish = this.#sent.get(frame.id as number)
    if (publish === undefined) return false
    if (frame.type === 'published') {
      clearTimeout(publish.timer)
      this.#sent.delete(publish.id)
      const { type, id, room, ...published } = frame
      publish.resolve(published as Published)
    } else {
      const isUnknown = publish.wasLost && (frame.code === 'unavailable' || frame.code === 'rate_limited')
      this.#reject(publish, isUnknown ? unknown('Refused when it was sent again') : new ClientError(frame.code, frame.message, { retryAfterMs: frame.retryAfterMs }))
    }
    return true
  }

  /** The connection was lost, and the answers with it. */
  lost (): void {
    for (const publish of this.#sent.values()) publish.wasLost = true
    this.#queue.restore(this.#sent.values())
    this.#sent.clear()
  }

  /** The client ends. */
  close (error: ClientError): void {
    this.lost()
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      this.#queue.remove(next)
      this.#reject(next, next.wasSent ? unknown('The client ended') : error)
    }
  }

  /** Sends one, or finds that it cannot be sent ever; false if it must wait. */
  #dispatch (publish: Publish): boolean {
    if (byteLength(publish.text) > this.#parts.maxFrameBytes()) {
      this.#reject(publish, new ClientError('payload_too_large', 'Frame too large'))
      return true
    }
    if (!this.#parts.send(publish.text)) return false
    publish.wasSent = true
    this.#sent.set(publish.id, publish)
    return true
  }

  #expire (publish: Publish): void {
    this.#queue.remove(publish)
    this.#reject(publish, publish.wasSent ? unknown('No answer in time') : new ClientError('timeout', 'No connection in time'))
  }

  #reject (publish: Publish, error: ClientError): void {
    clearTimeout(publish.timer)
    this.#sent.delete(publish.id)
    publish.reject(error)
  }
}
