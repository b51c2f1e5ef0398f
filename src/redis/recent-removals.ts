import { entryKeyOf, type PresenceEntry } from '../core/presence-entry.ts'
import { Pursuit } from '../core/pursuit.ts'

/** Longer than it takes until a master that died is replaced, and that is known here. */
const REMEMBERED_MS = 60_000
const RETRY_MS = 500
const AT_ONCE = 500

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
  /** What is to be removed again. */
  readonly #unrepeated = new Map<string, Removal>()
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
    for (const [key, removal] of this.#removals) this.#unrepeated.set(key, removal)
    return this.#repeating.begin()
  }

  stop (): void {
    this.#repeating.stop()
  }

  async #removeAll (): Promise<boolean> {
    const due = [...this.#unrepeated]
    for (let start = 0; start < due.length; start += AT_ONCE) {
      await Promise.all(due.slice(start, start + AT_ONCE).map(async ([key, removal]) => {
        // It may be there again, which is no reason to remove it.
        if (this.#removals.get(key) !== removal || performance.now() - removal.at > REMEMBERED_MS) this.#unrepeated.delete(key)
        else await this.#parts.remove(removal.nodeId, removal.entry).then(() => { this.#unrepeated.delete(key) }, () => {})
      }))
    }
    return this.#unrepeated.size === 0
  }
}

function keyOf (nodeId: string, entry: PresenceEntry): string {
  return `${nodeId} ${entryKeyOf(entry)}`
}
