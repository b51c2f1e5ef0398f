import { createHmac, randomUUID } from 'node:crypto'

/** What the servers under test are started with. */
export const JWT_SECRET = 'a-secret-for-tests-of-more-than-32-bytes'

export interface Signing {
  readonly secret?: string
  readonly algorithm?: 'HS256' | 'HS384' | 'HS512' | 'none'
}

const digests = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const

/** A token that is good for an hour. Claims given as `undefined` are left out, so that a test can take `exp` or `sub` away. */
export function token (claims: Record<string, unknown> = {}, { secret = JWT_SECRET, algorithm = 'HS256' }: Signing = {}): string {
  const text = `${encode({ alg: algorithm, typ: 'JWT' })}.${encode(contentOf(claims))}`
  if (algorithm === 'none') return `${text}.`
  return `${text}.${createHmac(digests[algorithm], secret).update(text).digest('base64url')}`
}

/** What a token says that is good for an hour, but for the claims that a test changes. */
export function contentOf (claims: Record<string, unknown>): Record<string, unknown> {
  return { sub: 'alice', exp: secondsFromNow(3_600), jti: randomUUID(), ...claims }
}

/** A token of a user who may subscribe to and publish in every room that is not reserved. */
export function memberToken (sub: string, claims: Record<string, unknown> = {}): string {
  return token({ sub, can: { subscribe: ['*'], publish: ['*'] }, ...claims })
}

/** An instant as tokens say it: in seconds since 1970. */
export function secondsFromNow (seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds
}

/** A part of a token. */
export function encode (value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
