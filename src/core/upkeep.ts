import type { Connection } from './connection.ts'

export interface UpkeepSettings {
  /** The server asks for a sign of life after this long without one. */
  readonly pingIntervalMs: number
  /** A connection that shows none for this long after it was asked is terminated. */
  readonly pongTimeoutMs: number
  /** How long before its token expires a connection is told. */
  readonly expiryNoticeMs: number
}

/** What a connection needs, as plain data. */
export interface ConnectionAge {
  readonly seenAt: number
  readonly askedAt: number
  readonly expiresAt: number | null
  readonly isExpiryTold: boolean
}

export type Need = 'nothing' | 'ping' | 'expiry notice' | 'close: expired' | 'close: no sign of life'

/** Decides what a connection needs at an instant. All instants are on one clock, in milliseconds. */
export function needOf (age: ConnectionAge, now: number, settings: UpkeepSettings): Need {
  const { seenAt, askedAt, expiresAt, isExpiryTold } = age
  if (expiresAt !== null && now >= expiresAt) return 'close: expired'
  const isAsked = askedAt > seenAt
  if (isAsked && now - askedAt >= settings.pongTimeoutMs) return 'close: no sign of life'
  if (expiresAt !== null && !isExpiryTold && now >= expiresAt - settings.expiryNoticeMs) return 'expiry notice'
  return !isAsked && now - seenAt >= settings.pingIntervalMs ? 'ping' : 'nothing'
}

/** Gives a connection what it needs. */
export function tend (connection: Connection, now: number, settings: UpkeepSettings): void {
  const need = needOf(connection, now, settings)
  switch (need) {
    case 'nothing':
      return
    case 'ping':
      connection.askedAt = now
      connection.transport.ping()
      return
    case 'expiry notice':
      connection.isExpiryTold = true
      connection.send({ type: 'token_expiring', expiresAt: connection.expiresAt ?? now })
      return
    case 'close: expired':
      connection.close('tokenExpired')
      return
    case 'close: no sign of life':
      connection.close('noSignOfLife')
      connection.transport.terminate()
      return
    default:
      need satisfies never
  }
}
