import type { FetchLike, WebSocketConstructor } from './web-platform.ts'

export interface ClientOptions {
  /** Where the server's `/ws` is, as an absolute `ws:`, `wss:`, `http:` or `https:` address. */
  readonly url: string
  /** Asked for a token before every attempt to connect, and when the present one is about to expire. May take its time, and may reject. */
  readonly getToken: () => string | Promise<string>
  /** The platform's own if not given; Node 20 has none, pass that of `ws`. */
  readonly WebSocket?: WebSocketConstructor | undefined
  /** Asks why an attempt was refused; the platform's own if not given. */
  readonly fetch?: FetchLike | undefined
  /** How long `getToken` may take, in milliseconds. Default 30,000. */
  readonly tokenTimeoutMs?: number | undefined
  /** How long the way to the server's welcome may take, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** How long the server may stay silent after a ping, in milliseconds. Default 5,000. */
  readonly pongTimeoutMs?: number | undefined
  /** How long a publish may take, its time in the queue included, in milliseconds. Default 10,000. */
  readonly publishTimeoutMs?: number | undefined
  /** Publishes that may wait while there is no connection. Default 100. */
  readonly maxQueued?: number | undefined
  /** How long a connection must have lasted for the back-off to begin anew, in milliseconds. Default 5,000. */
  readonly stableMs?: number | undefined
  /** The span of the first back-off, and the longest, in milliseconds. Default 500 and 20,000. */
  readonly backoffMs?: number | undefined
  readonly maxBackoffMs?: number | undefined
}

export const defaults = {
  tokenTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  pongTimeoutMs: 5_000,
  publishTimeoutMs: 10_000,
  maxQueued: 100,
  stableMs: 5_000,
  backoffMs: 500,
  maxBackoffMs: 20_000
} as const

export type Settings = { readonly [Name in keyof typeof defaults]: number }

/** The defaults, and over them what the options set. */
export function settingsOf (options: ClientOptions): Settings {
  const entries = Object.entries(defaults).map(([name, value]) => [name, options[name as keyof Settings] ?? value])
  return Object.fromEntries(entries) as Settings
}
