import { RoomcastError } from './errors.ts'
import { createId } from './ids.ts'
import type { Logger } from './logger.ts'
import type { Meters } from './meters.ts'
import type { NodeInfo, NodeReport, PresenceStore } from './presence-store.ts'

export interface LeaseParts {
  readonly store: PresenceStore
  readonly nodeName: string
  readonly heartbeatMs: number
  /** What the node tells about itself at this moment. */
  readonly report: () => NodeReport
  readonly meters: Meters
  readonly log: Logger
  /** The lease was renewed, and these dead nodes are this node's to sweep: what had to wait for the store can be done. */
  readonly onHeld: (claimed: readonly string[]) => void
  /** A lease was lost, and a new one taken under a new `nodeId`: everything this node vouches for must be written again. */
  readonly onRenamed: (lost: NodeInfo) => void
}

/** This node's proof of life: takes the lease, renews it by a heartbeat, and takes a new one where it was lost. */
export class Lease {
  readonly #parts: LeaseParts
  #node: NodeInfo
  #timer: NodeJS.Timeout | undefined
  #beat: Promise<void> = Promise.resolve()

  constructor (parts: LeaseParts) {
    this.#parts = parts
    this.#node = { nodeId: createId(), nodeName: parts.nodeName }
  }

  /** The node as its lease names it now. */
  get node (): NodeInfo { return this.#node }

  /** @throws RoomcastError if the store does not grant the first lease */
  async take (): Promise<void> {
    const { store, report, meters } = this.#parts
    await store.takeLease(this.#node, report())
    meters.isLeaseHeld = true
    this.#timer = setInterval(() => { this.#next('warn') }, this.#parts.heartbeatMs)
  }

  /** Renews now, ahead of the next heartbeat, which tries again where this fails. Never rejects. */
  beat (): Promise<void> {
    // There is one for each reconnect, and a link that comes and goes would fill the log.
    return this.#next('debug')
  }

  /** Stops the heartbeat. */
  stop (): void {
    clearInterval(this.#timer)
  }

  /** Stops the heartbeat, and ends the node, at once or after a grace. */
  async release (graceMs: number): Promise<void> {
    this.stop()
    await this.#beat
    await this.#parts.store.releaseLease(this.#node, graceMs)
  }

  /** One renewal at a time. Never rejects: a failure is logged, at the least at this level. */
  #next (level: 'debug' | 'warn'): Promise<void> {
    this.#beat = this.#beat.then(() => this.#renew()).catch(error => { this.#report(error, level) })
    return this.#beat
  }

  async #renew (): Promise<void> {
    const { store, report, meters, log, onHeld, onRenamed } = this.#parts
    const renewal = await store.renewLease(this.#node, report())
    if (renewal.status === 'held') {
      meters.isLeaseHeld = true
      onHeld(renewal.claimed)
      return
    }
    const lost = this.#node
    meters.isLeaseHeld = false
    const node = { nodeId: createId(), nodeName: lost.nodeName }
    await store.takeLease(node, report())
    this.#node = node
    meters.isLeaseHeld = true
    meters.leaseLosses++
    log.warn({ lostNodeId: lost.nodeId, nodeId: node.nodeId }, 'the lease was lost; this node goes on under a new id')
    onRenamed(lost)
  }

  #report (error: unknown, level: 'debug' | 'warn'): void {
    const { meters, log } = this.#parts
    const isExpected = error instanceof RoomcastError
    meters.isLeaseHeld = false
    meters.heartbeatFailures++
    log[isExpected ? level : 'error']({ err: error, nodeId: this.#node.nodeId }, 'the heartbeat failed')
  }
}
