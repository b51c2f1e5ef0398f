import type { Broker, PublishResult } from './broker.ts'
import type { Claims, Action } from './claims.ts'
import type { CloseCode } from './close-codes.ts'
import type { Codec } from './codec.ts'
import { Connection } from './connection.ts'
import { RoomcastError } from './errors.ts'
import { Fanout } from './fanout.ts'
import { PROTOCOL } from './frames.ts'
import type { Gatekeeper } from './gatekeeper.ts'
import { Hub } from './hub.ts'
import { createId } from './ids.ts'
import { Lease } from './lease.ts'
import type { Logger } from './logger.ts'
import { EVERYONE_ROOM, userRoom } from './names.ts'
import { NodeEventEmitter } from './node-events.ts'
import type { PresenceStore } from './presence-store.ts'
import type { PublicationDraft } from './publication.ts'
import { Registrar } from './registrar.ts'
import { dueForAssertion } from './rolling.ts'
import { RoomKeeper } from './room-keeper.ts'
import type { Subscription } from './subscription.ts'
import type { Transport } from './transport.ts'
import { tend, type UpkeepSettings } from './upkeep.ts'

export interface NodeSettings extends UpkeepSettings {
  readonly nodeName: string
  readonly heartbeatMs: number
  readonly maxFrameBytes: number
  readonly maxBufferedBytes: number
  /** How long a shutdown waits for frames that are under way. */
  readonly drainMs: number
}

export interface NodeParts {
  readonly broker: Broker
  readonly store: PresenceStore
  readonly gatekeeper: Gatekeeper
  readonly settings: NodeSettings
  readonly log: Logger
}

const UPKEEP_INTERVAL_MS = 1_000

/** How old presence records get before they are written again: well within the day for which Redis keeps them. */
const ASSERTION_AGE_MS = 6 * 60 * 60 * 1_000

/** How many are written again in one pass. */
const ASSERTIONS_PER_PASS = 100

/**
 * One running process: brings connections, rooms, broker and presence store together. The hub answers, the node acts, and where
 * the act fails the node rolls the hub back.
 */
export class RealtimeNode {
  readonly settings: NodeSettings
  readonly log: Logger
  readonly events: NodeEventEmitter
  readonly rooms: RoomKeeper
  readonly #broker: Broker
  readonly #gatekeeper: Gatekeeper
  readonly #hub: Hub
  readonly #lease: Lease
  readonly #registrar: Registrar
  readonly #departures = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #isDraining = false

  constructor ({ broker, store, gatekeeper, settings, log }: NodeParts) {
    this.settings = settings
    this.log = log
    this.events = new NodeEventEmitter(log)
    this.#broker = broker
    this.#gatekeeper = gatekeeper
    this.#hub = new Hub({ onPending: new Fanout().schedule })
    this.rooms = new RoomKeeper({ hub: this.#hub, broker, log, now: () => this.now() })
    this.#lease = new Lease({
      store,
      log,
      nodeName: settings.nodeName,
      heartbeatMs: settings.heartbeatMs,
      onHeld: () => { this.#registrar.settle() },
      onRenamed: () => {
        this.#registrar.forget()
        this.#registrar.registerAgain(this.#hub.connections())
      }
    })
    this.#registrar = new Registrar({ store, log, node: () => this.#lease.node, now: () => this.now() })
  }

  get isDraining (): boolean { return this.#isDraining }
  get nodeId (): string { return this.#lease.node.nodeId }
  get connectionCount (): number { return this.#hub.connectionCount }
  get roomCount (): number { return this.#hub.roomCount }

  /** This node's clock, in milliseconds since 1970. */
  now (): number { return Date.now() }

  /** @throws RoomcastError if broker or store cannot be reached */
  async start (): Promise<void> {
    await this.#broker.start({
      onPublication: publication => { this.rooms.deliver(publication) },
      onResubscribed: () => {
        this.#lease.beat()
        this.rooms.catchUp()
      }
    })
    await this.#lease.take()
    this.#timer = setInterval(() => { this.#tendAll() }, UPKEEP_INTERVAL_MS)
  }

  /** Takes an authenticated connection. Its `welcome` follows once it is registered and its own rooms are entered. */
  connect ({ transport, codec, claims }: { transport: Transport, codec: Codec, claims: Claims }): Connection {
    const connection = new Connection({
      node: this, transport, codec, claims, connectionId: createId(), connectedAt: this.now()
    })
    this.#hub.enlist(connection)
    connection.enqueue(() => this.#open(connection))
    return connection
  }

  /**
   * Whether claims allow an action in a room.
   * @throws RoomcastError `room_forbidden`
   */
  assertAllowed (claims: Claims, action: Action, room: string): Promise<void> {
    return this.#gatekeeper.assertAllowed(claims, action, room)
  }

  /**
   * Publishes: out through the broker, and back through it to this node's own connections too.
   * @throws RoomcastError `publication_refused`, `unavailable`, `outcome_unknown`
   */
  async publish (draft: PublicationDraft): Promise<PublishResult> {
    await this.#gatekeeper.assertAccepted(draft)
    return this.#broker.publish(draft)
  }

  /** Clears what is left of a connection that has ended. Called by the connection, once. */
  part (connection: Connection, { code, reason }: Pick<CloseCode, 'code' | 'reason'>): void {
    const { connectionId, userId } = connection
    this.#hub.delist(connection)
    const rooms = [...connection.subscriptions.keys()]
    const departure = Promise.all([
      this.#registrar.unregister(connection),
      ...rooms.map(room => this.rooms.leave(connection, room))
    ]).then(() => { this.#departures.delete(departure) })
    this.#departures.add(departure)
    this.log.debug({ connectionId, userId, code, reason }, 'disconnected')
    if (connection.isWelcomed) this.events.emit('disconnect', { connectionId, userId, code, reason })
  }

  /**
   * Proves that this node can do its job.
   * @throws RoomcastError `draining` or `unavailable`
   */
  async check (): Promise<void> {
    if (this.#isDraining) throw new RoomcastError('draining')
    await this.#broker.check()
  }

  /** Tells the clients and waits for what is under way: frames that were taken are answered, then each connection gets 1001. */
  async drain (): Promise<void> {
    this.#isDraining = true
    clearInterval(this.#timer)
    const connections = [...this.#hub.connections()]
    for (const { transport } of connections) transport.pause()
    await within(this.settings.drainMs, Promise.all(connections.map(connection => connection.idle())))
    // What those frames published comes back before the probe does, and leaves at the end of that turn.
    await this.#broker.check().catch(() => {})
    await new Promise(resolve => { setImmediate(resolve) })
    for (const connection of connections) {
      connection.transport.resume()
      connection.close('goingAway')
    }
    await Promise.all(this.#departures)
  }

  /** Gives the lease back and stops. Call it after `drain`. */
  async stop (): Promise<void> {
    await this.#registrar.settle()
    await this.#lease.release().catch(error => { this.log.warn({ err: error }, 'the lease ends by itself') })
  }

  async #open (connection: Connection): Promise<void> {
    const { connectionId, userId, claims } = connection
    const names = new Set([userRoom(userId), EVERYONE_ROOM, ...claims.rooms ?? []])
    try {
      await this.#registrar.register(connection)
      const subscriptions = await Promise.all(Array.from(names, room => this.rooms.enter(connection, room)))
      connection.assertOpen()
      this.#welcome(connection, subscriptions)
    } catch (error) {
      if (connection.isOpen) throw error
      this.log.debug({ connectionId, userId }, 'the connection ended before its welcome')
    }
  }

  #welcome (connection: Connection, subscriptions: readonly Subscription[]): void {
    const { connectionId, userId, expiresAt } = connection
    const { nodeName, pingIntervalMs, maxFrameBytes } = this.settings
    const rooms = subscriptions.map(subscription => {
      const { epoch, offset } = subscription.open()
      return { room: subscription.room.name, epoch, offset }
    })
    connection.isWelcomed = true
    // Before the frame: where even that is too much for the peer, the end comes with it.
    this.events.emit('connect', { connectionId, userId })
    connection.send({
      type: 'welcome', protocol: PROTOCOL, connectionId, userId, nodeName, expiresAt, pingIntervalMs, maxFrameBytes, rooms
    })
    this.log.debug({ connectionId, userId }, 'connected')
  }

  #tendAll (): void {
    const now = this.now()
    for (const connection of this.#hub.connections()) tend(connection, now, this.settings)
    this.#registrar.registerAgain(dueForAssertion(this.#hub.connections(), now, ASSERTION_AGE_MS, ASSERTIONS_PER_PASS))
    this.rooms.compareDue()
  }
}

/** Waits for a promise, but no longer than a time. */
async function within (ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const elapsed = new Promise(resolve => { timer = setTimeout(resolve, ms) })
  await Promise.race([promise, elapsed])
  clearTimeout(timer)
}
