import { EventEmitter } from 'node:events'
import type { Logger } from './logger.ts'
import type { Member } from './presence-store.ts'

/** A connection as the host's listeners see it. */
export interface ConnectionEvent {
  readonly connectionId: string
  readonly userId: string
}

/** A user's first connection entered a room, or the last left, on whatever node. */
export interface MembershipEvent {
  readonly room: string
  readonly member: Member
}

/** What happens on this node, by the name of the event. */
export interface NodeEvents {
  /** A connection got its `welcome`. */
  connect: [ConnectionEvent]
  /** A connection that had got its `welcome` ended, whoever ended it; `code` is the close code. */
  disconnect: [ConnectionEvent & { readonly code: number, readonly reason: string }]
  /** A user joined a room that this node has connections in. */
  join: [MembershipEvent]
  /** A user left a room that this node has connections in. */
  leave: [MembershipEvent]
}

/** Tells the host's listeners. What one of them throws is logged and stays with it. */
export class NodeEventEmitter {
  readonly #emitter = new EventEmitter<NodeEvents>()
  readonly #log: Logger

  constructor (log: Logger) {
    this.#log = log
  }

  on<Name extends keyof NodeEvents> (name: Name, listener: (...args: NodeEvents[Name]) => void): void {
    this.#emitter.on(name, listener as never)
  }

  off<Name extends keyof NodeEvents> (name: Name, listener: (...args: NodeEvents[Name]) => void): void {
    this.#emitter.off(name, listener as never)
  }

  /** Calls every listener; what one of them throws, or rejects with later, is logged. */
  emit<Name extends keyof NodeEvents> (name: Name, ...args: NodeEvents[Name]): void {
    for (const listener of this.#emitter.listeners(name) as Array<(...args: NodeEvents[Name]) => unknown>) {
      (async () => listener(...args))().catch(error => {
        this.#log.error({ err: error, event: name }, 'a listener failed')
      })
    }
  }
}
