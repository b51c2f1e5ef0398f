import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Claims } from './claims.ts'
import { RoomcastError } from './errors.ts'
import { assertPublicRoom, assertUserId, MAX_ROOM_BYTES, MAX_USER_ID_BYTES } from './names.ts'

/** Longest `jti` of a token that can be revoked by it, in characters. */
const MAX_JTI_LENGTH = 256

/** The last instant that has a date (ECMA-262, "Time Values"). */
const MAX_INSTANT_MS = 8_640_000_000_000_000

const InstantSchema = Type.Integer({ minimum: 0, maximum: MAX_INSTANT_MS, description: 'Milliseconds since 1970' })

/**
 * What is not valid any more, until an instant: the tokens that fit everything that is named here. With a room it is a ban: they stay valid, and
 * allow nothing in that room.
 */
export const RevocationSchema = Type.Object({
  user: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_USER_ID_BYTES })),
  /** A single token (RFC 7519 §4.1.7). */
  jti: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_JTI_LENGTH })),
  /** Tokens that were issued before this, and those that do not say when. */
  issuedBefore: Type.Optional(InstantSchema),
  room: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_ROOM_BYTES })),
  /** Until when it is remembered: not before the last token that it is about expires. */
  expiresAt: InstantSchema
}, {
  additionalProperties: false,
  description: 'Of user, jti and issuedBefore one or more: it is about the tokens that fit them all. With room: a ban from it. Remembered until expiresAt'
})

export type Revocation = Readonly<Static<typeof RevocationSchema>>

const revocationCheck = TypeCompiler.Compile(RevocationSchema)

/**
 * Checks a revocation that somebody from outside makes.
 * @throws RoomcastError `request_invalid` (its shape, it names no token, or is over), `user_invalid`, `room_invalid` or `room_forbidden`
 */
export function assertRevocation (revocation: Revocation, now: number): void {
  const error = revocationCheck.Errors(revocation).First()
  if (error !== undefined) throw new RoomcastError('request_invalid', { message: `${error.path.slice(1)}: ${error.message}` })
  const { user, jti, issuedBefore, room, expiresAt } = revocation
  if (user === undefined && jti === undefined && issuedBefore === undefined) {
    throw new RoomcastError('request_invalid', { message: 'Name one or more of user, jti, issuedBefore' })
  }
  if (expiresAt <= now) throw new RoomcastError('request_invalid', { message: 'expiresAt is over' })
  if (user !== undefined) assertUserId(user)
  if (room !== undefined) assertPublicRoom(room)
}

/** Whether a revocation is about a token. */
export function concerns ({ user, jti, issuedBefore }: Revocation, { sub, jti: ownJti, iat }: Claims): boolean {
  return (user === undefined || user === sub) && (jti === undefined || jti === ownJti) &&
    (issuedBefore === undefined || iat === undefined || iat * 1_000 < issuedBefore)
}

/**
 * The revocations that are in force, as this node knows them. They are found by what is rarest in them, so that asking costs the same with ten
 * as with ten thousand. A revocation is never taken back, so two lists that were told the same, in whatever order, are the same.
 */
export class Revocations {
  /** By their identity, so that the same one is here once. */
  readonly #all = new Map<string, Revocation>()
  /** By token, by user, or under `''` where they name neither. */
  readonly #byName = new Map<string, Set<Revocation>>()

  /** Those that have not expired. */
  all (now: number): Revocation[] {
    this.#forgetOld(now)
    return [...this.#all.values()]
  }

  /** Takes a revocation; false if it was here already. */
  add (revocation: Revocation): boolean {
    const key = identityOf(revocation)
    if (this.#all.has(key)) return false
    this.#all.set(key, revocation)
    const name = nameOf(revocation)
    const named = this.#byName.get(name)
    if (named === undefined) this.#byName.set(name, new Set([revocation]))
    else named.add(revocation)
    return true
  }

  /** Whether a token is revoked whole. */
  isRevoked (claims: Claims, now: number): boolean {
    return this.#some(claims, now, ({ room }) => room === undefined)
  }

  /** Whether a token allows nothing in a room. */
  isBanned (claims: Claims, room: string, now: number): boolean {
    return this.#some(claims, now, revocation => revocation.room === room)
  }

  #some (claims: Claims, now: number, isMeant: (revocation: Revocation) => boolean): boolean {
    if (this.#all.size === 0) return false
    return namesOf(claims).some(name => {
      for (const revocation of this.#byName.get(name) ?? []) {
        if (revocation.expiresAt > now && isMeant(revocation) && concerns(revocation, claims)) return true
      }
      return false
    })
  }

  #forgetOld (now: number): void {
    for (const [key, revocation] of this.#all) {
      if (revocation.expiresAt > now) continue
      this.#all.delete(key)
      const name = nameOf(revocation)
      const named = this.#byName.get(name)
      named?.delete(revocation)
      if (named?.size === 0) this.#byName.delete(name)
    }
  }
}

/** The same revocation, written in the same way. */
export function identityOf ({ user, jti, issuedBefore, room, expiresAt }: Revocation): string {
  return JSON.stringify({ user, jti, issuedBefore, room, expiresAt })
}

function nameOf ({ user, jti }: Revocation): string {
  if (jti !== undefined) return `j${jti}`
  return user === undefined ? '' : `u${user}`
}

function namesOf ({ sub, jti }: Claims): string[] {
  return jti === undefined ? ['', `u${sub}`] : ['', `u${sub}`, `j${jti}`]
}
