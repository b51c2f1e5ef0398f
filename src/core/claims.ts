import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RoomcastError } from './errors.ts'
import { assertPublicRoom, isUserId } from './names.ts'
import { matchesRoom } from './pattern.ts'

/** Largest `info` of a token, in bytes of its JSON: it is copied into every presence record of the user. */
export const MAX_INFO_BYTES = 1_024

const PatternsSchema = Type.Optional(Type.Array(Type.String()))

/** What a token says about its bearer. Other claims may stand beside these and are left alone. */
export const ClaimsSchema = Type.Object({
  /** The user's id. */
  sub: Type.String(),
  /** When it stops being valid, in seconds since 1970 (RFC 7519 §4.1.4). */
  exp: Type.Optional(Type.Number()),
  /** When it was issued, in seconds since 1970 (RFC 7519 §4.1.6). */
  iat: Type.Optional(Type.Number()),
  jti: Type.Optional(Type.String()),
  /** Shown to other members; at most 1 KiB of JSON. */
  info: Type.Optional(Type.Unknown()),
  /** Rooms that the server subscribes at connect; grants subscribe on them. */
  rooms: Type.Optional(Type.Array(Type.String())),
  /** What the bearer may do in which rooms, as patterns with `*`. */
  can: Type.Optional(Type.Object({
    subscribe: PatternsSchema, publish: PatternsSchema, presence: PatternsSchema, history: PatternsSchema
  })),
  /** What the bearer may do over REST: scopes, separated by spaces (RFC 8693 §4.2). */
  scope: Type.Optional(Type.String())
})

export type Claims = Static<typeof ClaimsSchema>

/** What a connection may want to do in a room. */
export type Action = 'subscribe' | 'publish' | 'presence' | 'history'

const claimsCheck = TypeCompiler.Compile(ClaimsSchema)

/**
 * Checks what a verified token, or the host's `authenticate`, says.
 * @throws RoomcastError `unauthorized`, saying which claim is wrong
 */
export function parseClaims (value: unknown): Claims {
  if (!claimsCheck.Check(value)) throw malformed(claimsCheck.Errors(value).First()?.path.slice(1).replaceAll('/', '.') ?? '')
  if (!isUserId(value.sub)) throw malformed('sub')
  if (value.info !== undefined && Buffer.byteLength(JSON.stringify(value.info)) > MAX_INFO_BYTES) throw malformed('info')
  for (const room of value.rooms ?? []) assertClaimedRoom(room)
  return value
}

/** Whether the token itself allows an action in a room. Nothing is allowed that it does not grant. */
export function isGranted (claims: Claims, action: Action, room: string): boolean {
  if (action === 'publish') return anyMatches(claims.can?.publish, room)
  if (action === 'subscribe') return maySubscribe(claims, room)
  const listed = claims.can?.[action]
  return listed === undefined ? maySubscribe(claims, room) : anyMatches(listed, room)
}

function maySubscribe (claims: Claims, room: string): boolean {
  return claims.rooms?.includes(room) === true || anyMatches(claims.can?.subscribe, room)
}

function anyMatches (patterns: readonly string[] | undefined, room: string): boolean {
  return patterns?.some(pattern => matchesRoom(pattern, room)) === true
}

function assertClaimedRoom (room: string): void {
  try {
    assertPublicRoom(room)
  } catch (cause) {
    throw malformed('rooms', cause)
  }
}

function malformed (claim: string, cause?: unknown): RoomcastError {
  return new RoomcastError('unauthorized', { message: `The token's claim "${claim}" is missing or malformed`, cause })
}
