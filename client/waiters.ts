import type { ClientError } from './client-error.ts'
import type { Position } from './room-events.ts'

/** How much of a room is wanted. */
export type Extent = 'plain' | 'with presence'

interface Waiter {
  readonly extent: Extent
  readonly resolve: (position: Position) => void
  readonly reject: (error: ClientError) => void
}

/** Those who wait for a room to be subscribed. */
export class Waiters {
  #waiting: Waiter[] = []

  /** Waits for an extent. A rejection that nobody awaits is of no matter: the room's state tells it too. */
  add (extent: Extent): Promise<Position> {
    const answer = new Promise<Position>((resolve, reject) => { this.#waiting.push({ extent, resolve, reject }) })
    answer.catch(() => {})
    return answer
  }

  resolve (position: Position, extents: readonly Extent[]): void {
    for (const { resolve } of this.#take(extents)) resolve(position)
  }

  reject (error: ClientError, extents: readonly Extent[] = ['plain', 'with presence']): void {
    for (const { reject } of this.#take(extents)) reject(error)
  }

  #take (extents: readonly Extent[]): Waiter[] {
    const taken = this.#waiting.filter(({ extent }) => extents.includes(extent))
    this.#waiting = this.#waiting.filter(({ extent }) => !extents.includes(extent))
    return taken
  }
}
