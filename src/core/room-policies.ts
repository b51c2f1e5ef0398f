import { isReserved } from './names.ts'
import { matchesRoom } from './pattern.ts'

/** What a pattern says of the rooms that it matches; what it leaves out is the default. */
export interface RoomPolicy {
  readonly pattern: string
  readonly presence?: boolean | undefined
}

/** Which rooms are run how: the first pattern that matches decides. */
export class RoomPolicies {
  readonly #policies: readonly RoomPolicy[]

  constructor (policies: readonly RoomPolicy[]) {
    this.#policies = policies
  }

  /** Whether who is in a room is kept and told. Never in the server's own rooms. */
  hasPresence (room: string): boolean {
    return !isReserved(room) && (this.#policies.find(({ pattern }) => matchesRoom(pattern, room))?.presence ?? true)
  }
}
