/**
 * The socket as the core sees it. The core never waits for it: what cannot be written at once piles up in `bufferedBytes`,
 * and the core ends the connection at the high-water mark.
 */
export interface Transport {
  /** Its name in presence records, such as `websocket`. */
  readonly name: string
  /** Whether bytes can still be written. False from the first `close` or `terminate` on, whoever began it. */
  readonly isOpen: boolean
  /** Bytes that were written and have not left the process yet. */
  readonly bufferedBytes: number
  /** Writes whole frames, as the connection's codec made them. Does nothing once the transport is not open. */
  write: (frames: Uint8Array) => void
  /**
   * Calls back once, as soon as what was written before has left the process, also where that is so already; never within this call. If the
   * connection ends first it may do so or not.
   */
  whenDrained: (listener: () => void) => void
  /** Asks the peer for a sign of life that it gives without help of the application (RFC 6455 §5.5.2). */
  ping: () => void
  /** Ends the connection with a code and a reason; cuts it after a few seconds if the peer does not answer. */
  close: (code: number, reason: string) => void
  /** Cuts the connection now. */
  terminate: () => void
  /** Stops and starts reading: how a connection that sends faster than it is served is slowed down. */
  pause: () => void
  resume: () => void
}
