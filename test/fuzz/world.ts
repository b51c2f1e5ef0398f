import { token } from '../helpers/token.ts'
import { API_KEY } from '../helpers/server-process.ts'
import { hostileNames } from './hostile.ts'
import type { Route } from './routes.ts'
import type { Pools } from './sample.ts'

/** What cases are made of, beside chance: the servers' routes, and what exists on them. */
export interface World {
  /** How many servers there are. */
  readonly servers: number
  readonly routes: readonly Route[]
  readonly pools: Pools
}

/** Far away, so that a case has the same bytes tomorrow. */
const EXPIRES_AT = 4_102_444_800

/** Rooms of the cases begin with this, where they do not bear a hostile name. */
const ROOM_PREFIX = 'fuzz:'

/** Who plays the cases: names that are easy, and names that some program took for something else. */
export const users: readonly string[] = [
  ...Array.from({ length: 12 }, (_, index) => `fuzz-${index}`), ...hostileNames.filter(name => isUserId(name))
]

const rooms: readonly string[] = Array.from({ length: 12 }, (_, index) => `${ROOM_PREFIX}${index}`)

/** Names of things, by the property under which they stand; those of positions and connections are the servers' own. */
export function poolsWith ({ epochs, connectionIds }: { readonly epochs: readonly string[], readonly connectionIds: readonly string[] }): Pools {
  const someRooms = [...rooms, ...rooms, ...hostileNames]
  return {
    room: someRooms,
    rooms: someRooms,
    prefix: [ROOM_PREFIX, '', '$', 'é'],
    after: rooms,
    user: users,
    users,
    userId: users,
    userIds: users,
    epoch: epochs,
    connectionId: connectionIds,
    except: connectionIds,
    key: ['key-1', 'key-2', '__proto__', 'é']
  }
}

/** A token that is the same for the same claims. */
export function fixedToken (claims: Record<string, unknown>): string {
  return token({ exp: EXPIRES_AT, jti: 'fuzz', ...claims })
}

/** What a backend service shows; it may do everything. */
export const AUTHORIZATION = `Bearer ${API_KEY}`

function isUserId (name: string): boolean {
  return name.length > 0 && Buffer.byteLength(name) <= 128 && name.isWellFormed() && !/\p{Cc}/u.test(name)
}
