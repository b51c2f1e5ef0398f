import type { Logger } from './logger.ts'
import type { Meters } from './meters.ts'
import type { PresenceStore } from './presence-store.ts'

/** Removes what dead nodes left behind, once this node has claimed them. */
export class Sweeper {
  readonly #store: PresenceStore
  readonly #meters: Meters
  readonly #log: Logger
  readonly #sweeping = new Map<string, Promise<void>>()
  #isStopped = false

  constructor ({ store, meters, log }: { store: PresenceStore, meters: Meters, log: Logger }) {
    this.#store = store
    this.#meters = meters
    this.#log = log
  }

  /** Begins to sweep these nodes, but those that are being swept already. Called with every renewal, so a failure is tried again. */
  sweep (nodeIds: readonly string[]): void {
    for (const nodeId of nodeIds) {
      if (this.#isStopped || this.#sweeping.has(nodeId)) continue
      const sweep = this.#sweep(nodeId).catch(error => {
        this.#log.warn({ err: error, deadNodeId: nodeId }, 'a sweep was cut short, and is taken up again')
      }).finally(() => { this.#sweeping.delete(nodeId) })
      this.#sweeping.set(nodeId, sweep)
    }
  }

  /** Stops after the entries that are under way; whoever claims the rest goes on. */
  async stop (): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#sweeping.values())
  }

  async #sweep (nodeId: string): Promise<void> {
    let count = 0
    for (let entries = await this.#store.entriesOf(nodeId); entries.length > 0; entries = await this.#store.entriesOf(nodeId)) {
      await Promise.all(entries.map(entry => this.#store.remove(nodeId, entry)))
      count += entries.length
      if (this.#isStopped) return
    }
    await this.#store.bury(nodeId)
    this.#meters.sweeps++
    this.#log.info({ deadNodeId: nodeId, entries: count }, 'swept a dead node')
  }
}
