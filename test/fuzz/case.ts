import type { Message } from './message-cases.ts'
import type { Request } from './request-cases.ts'

/** How the fuzzer leaves: with a close frame, by ending its half of the TCP connection, or with a TCP reset. */
export type Ending = 'close' | 'fin' | 'reset'

/** A connection whose messages are whole frames. */
export interface MessagesCase {
  readonly kind: 'messages'
  readonly path: string
  readonly token: string
  readonly messages: readonly Message[]
  /** Whether all is sent with the handshake, before anything is answered. */
  readonly isEager: boolean
  readonly ending: Ending
}

/** Bytes, from the handshake on. */
export interface BytesCase {
  readonly kind: 'bytes'
  readonly writes: readonly Buffer[]
  /** How many frames are in them, in whatever state. */
  readonly frames: number
  readonly ending: Exclude<Ending, 'close'>
}

/** Requests, one after the other over one TCP connection. */
export interface RequestsCase {
  readonly kind: 'requests'
  readonly requests: readonly Request[]
}

export type Case = { readonly server: number } & (MessagesCase | BytesCase | RequestsCase)
