import { entryKeyOf, type PresenceEntry } from '../core/presence-entry.ts'
import { Pursuit } from '../core/pursuit.ts'

/** Longer than it takes until a master that died is replaced, and that is known here. */
const REMEMBERED_MS = 60_000
const RETRY_MS = 500

interface Removal {
  readonly nodeId: string
  readonly entry: PresenceEntry
  readonly at: number
}

export interface RecentRemovalsParts {
  readonly remove: (nodeId: string, entry: PresenceEntry) => Promise<void>
}

/**
 * What was removed from a Redis Cluster lately. A replica that takes over may not have heard of it, and what it then still has nothing would lead to:
 * the node's index, which lies elsewhere, has forgotten it. So it is removed again, which does nothing where it is gone.
 */
export class RecentRemovals {
  readonly #parts: RecentRemovalsParts
  /** In the order of their instants. */
  readonly #removals = new Map<string, Removal>()
  readonly #repeating = new Pursuit({ attempt: () => this.#removeAll(), retryMs: RETRY_MS })

  constructor (parts: RecentRemovalsParts) {
    this.#parts = parts
  }

  add (nodeId: string, entry: PresenceEntry): void {
    const key = keyOf(nodeId, entry)
    const now = performance.now()
    this.#removals.delete(key)
    this.#removals.set(key, { nodeId, entry, at: now })
    for (const [old, { at }] of this.#removals) {
      if (now - at < REMEMBERED_MS) break
      this.#removals.delete(old)
    }
  }

  /** It is there again. */
  forget (nodeId: string, entry: PresenceEntry): void {
    this.#removals.delete(keyOf(nodeId, entry))
  }

  /** Removes it all again, until that succeeds. Never rejects. */
  repeat (): Promise<void> {
    return this.#repeating.begin()
  }

  stop (): void {
    this.#repeating.stop()
  }

  async #removeAll (): Promise<boolean> {
    const results = await Promise.allSettled(Array.from(this.#removals.values(), ({ nodeId, entry }) => this.#parts.remove(nodeId, entry)))
    return results.every(({ status }) => status === 'fulfilled')
  }
}

function keyOf (nodeId: string, entry: PresenceEntry): string {
  return `${nodeId} ${entryKeyOf(entry)}`
}
