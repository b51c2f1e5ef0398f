/** What the client uses of a WebSocket: browsers', Node 22's, and that of the package `ws` fit. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send (text: string): void
  close (code?: number): void
  /** Of `ws` only: ends a connection whose peer is dead without waiting for it. */
  terminate?: () => void
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike

/** What the client uses of `fetch`. */
export type FetchLike = (url: string, options: { readonly headers: Record<string, string> }) => Promise<{ readonly status: number }>

/** What the platform has; undefined where it lacks it. */
export const platform = globalThis as unknown as {
  readonly WebSocket?: WebSocketConstructor
  readonly fetch?: FetchLike
  readonly crypto: { readonly getRandomValues: (array: Uint32Array) => Uint32Array }
}
