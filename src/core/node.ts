import { assertMayConnect } from './admission.ts'
import { Arrivals } from './arrivals.ts'
import { Backlog } from './backlog.ts'
import type { Broker } from './broker.ts'
import { takeCensus, type Census } from './census.ts'
import type { Action } from './claims.ts'
import type { CloseCode } from './close-codes.ts'
import { closeAll } from './closing.ts'
import { Connection } from './connection.ts'
import { Control } from './control.ts'
import { Departures } from './departures.ts'
import { EachSecond } from './each-second.ts'
import { RoomcastError } from './errors.ts'
import { Fanout } from './fanout.ts'
import type { Gatekeeper } from './gatekeeper.ts'
import { claimsIn } from './granted.ts'
import { Hub } from './hub.ts'
import { createId } from './ids.ts'
import type { Logger } from './logger.ts'
import { MemberFeeds } from './member-feeds.ts'
import { Meters } from './meters.ts'
import { CONTROL_ROOM } from './names.ts'
import { NodeEventEmitter } from './node-events.ts'
import type { ConnectParts, NodeParts } from './node-parts.ts'
import type { NodeSettings } from './node-settings.ts'
import { PresenceKeeper } from './presence-keeper.ts'
import type { MemberEvent, MembersSnapshot, PresenceStore } from './presence-store.ts'
import type { PublicationDraft } from './publication.ts'
import { publishAll, publishBatch, type Published, type PublisherParts } from './publish-all.ts'
import { Recovery } from './recovery.ts'
import { Revoker } from './revoker.ts'
import { RoomKeeper } from './room-keeper.ts'
import { RoomPolicies } from './room-policies.ts'
import { Steering } from './steering.ts'
import type { Rate } from './token-bucket.ts'
import { tend } from './upkeep.ts'

/**
 * One running process: brings connections, rooms, broker and presence store together. The hub answers, the node acts, and where
 * the act fails the node rolls the hub back.
 */
export class RealtimeNode {
  readonly settings: NodeSettings
  /** How many frames each connection may send. */
  readonly frameRate: Rate
  readonly log: Logger
  readonly meters: Meters
  readonly events: NodeEventEmitter
  readonly rooms: RoomKeeper
  readonly recovery: Recovery
  readonly revoker: Revoker
  readonly steering: Steering
  readonly verify: NodeParts['verify']
  readonly backlog: Backlog
  readonly #broker: Broker
  readonly #store: PresenceStore
  readonly #gatekeeper: Gatekeeper
  readonly #publisher: PublisherParts
  readonly #hub: Hub
  readonly #presence: PresenceKeeper
  readonly #feeds: MemberFeeds
  readonly #fanout: Fanout
  readonly #departures: Departures
  readonly #control: Control
  readonly #arrivals: Arrivals
  readonly #eachSecond = new EachSecond({ task: now => { this.#tendAll(now) }, now: () => this.now() })
  #isDraining = false

  constructor ({ broker, store, revocations, gatekeeper, verify, settings, log, meters = new Meters() }: NodeParts) {
    this.settings = settings
    this.frameRate = { perSecond: settings.maxFramesPerSecond, burst: settings.frameBurst }
    this.log = log
    this.meters = meters
    this.verify = verify
    this.events = new NodeEventEmitter(log)
    this.#broker = broker
    this.#store = store
    this.#gatekeeper = gatekeeper
    this.#publisher = { gatekeeper, broker, meters }
    this.#fanout = new Fanout({ seconds: meters.fanoutSeconds })
    const policies = new RoomPolicies(settings.rooms)
    this.#hub = new Hub({
      onPending: this.#fanout.schedule,
      onHole: room => { this.recovery.heal(room) },
      historyOf: room => policies.historyOf(room),
      slowOf: room => policies.slowOf(room),
      now: () => this.now(),
      meters
    })
    this.backlog = new Backlog({ connections: () => this.#hub.connections(), maxBytes: settings.maxTotalBufferedBytes })
    const shared = { hub: this.#hub, policies, log, meters, now: () => this.now() }
    this.#presence = new PresenceKeeper({ ...shared, store, ...settings })
    this.#feeds = new MemberFeeds({ store, log })
    this.rooms = new RoomKeeper({ ...shared, broker, registrar: this.#presence.registrar, feeds: this.#feeds })
    this.#control = new Control({
      node: this, broker, onCommand: (command, at) => { this.steering.obey(command, at) }, onMissed: () => { this.revoker.sync() }
    })
    this.revoker = new Revoker({ ...shared, store: revocations, control: this.#control, rooms: this.rooms })
    this.steering = new Steering({ node: this, store, hub: this.#hub, control: this.#control })
    this.#arrivals = new Arrivals({ node: this, store, registrar: this.#presence.registrar, control: this.#control })
    this.#departures = new Departures({ registrar: this.#presence.registrar, rooms: this.rooms })
    this.recovery = new Recovery({ ...shared, broker, maxReplyBytes: Math.floor(settings.maxBufferedBytes / 2) })
  }

  get isDraining (): boolean { return this.#isDraining }
  get nodeId (): string { return this.#presence.node.nodeId }
  get connectionCount (): number { return this.#hub.connectionCount }
  /** Rooms that connections here are in; the nodes' own is none of them. */
  get roomCount (): number { return this.#hub.roomCount - (this.#hub.room(CONTROL_ROOM) === undefined ? 0 : 1) }

  /** What this node has now. Looks at everything, so it is for every few seconds. */
  census (): Census { return takeCensus(this.#hub) }

  /** This node's clock, in milliseconds since 1970. */
  now (): number { return Date.now() }

  /** @throws RoomcastError if broker or store cannot be reached */
  async start (): Promise<void> {
    await this.#broker.start({
      onPublication: publication => { this.rooms.deliver(publication) },
      onVolatile: publication => { this.rooms.deliverVolatile(publication) },
      onForget: room => { this.rooms.forget(room) },
      onMemberEvent: event => { this.#tellMemberEvent(event) },
      onResubscribed: rooms => {
        this.rooms.catchUp(rooms)
        if (rooms !== 'all') return
        this.#presence.beat()
        this.revoker.sync()
      }
    })
    await this.#presence.start()
    await this.#control.start()
    await this.revoker.learn()
    this.#eachSecond.start()
  }

  /** Takes an authenticated connection. Its `welcome` follows once it is registered and has entered the rooms that it begins with. */
  connect ({ transport, codec, claims, mode = 'new' }: ConnectParts): Connection {
    const connection = new Connection({
      node: this, transport, codec, claims, connectionId: createId(), connectedAt: this.now()
    })
    this.#hub.enlist(connection)
    this.meters.connects++
    connection.enqueue(() => this.#arrivals.open(connection, mode))
    // It may have been revoked since the token was checked.
    if (this.revoker.isRevoked(claims)) connection.close('tokenExpired')
    return connection
  }

  /**
   * Whether a connection is allowed an action in a room, by its token, or because the API put it there.
   * @throws RoomcastError `room_forbidden`
   */
  async assertAllowed (connection: Connection, action: Action, room: string): Promise<void> {
    await this.#gatekeeper.assertAllowed(claimsIn(room, connection), action, room)
    this.revoker.assertNotBanned(connection.claims, room)
  }

  /** @throws RoomcastError `limit_exceeded` where one connection more of a user would be refused, `unavailable` */
  assertMayConnect (userId: string): Promise<void> {
    return assertMayConnect(this.#store, this.settings, userId)
  }

  /**
   * Publishes: out through the broker, and back through it to this node's own connections too. The results are in the order of the drafts.
   * @throws RoomcastError `publication_refused`, `key_reused`, `unavailable`, `outcome_unknown`; see `publishAll`
   */
  publish (drafts: readonly PublicationDraft[]): Promise<Published[]> {
    return publishAll(this.#publisher, drafts)
  }

  /** Does many publishes, each on its own; see `publishBatch`. */
  publishBatch (batch: Parameters<typeof publishBatch>[1]): ReturnType<typeof publishBatch> {
    return publishBatch(this.#publisher, batch)
  }

  /** Clears what is left of a connection that has ended. Called by the connection, once. */
  part (connection: Connection, { code, reason }: Pick<CloseCode, 'code' | 'reason'>): void {
    const { connectionId, userId } = connection
    this.#hub.delist(connection)
    this.#departures.add(connection)
    this.meters.addClose(code)
    this.log.debug({ connectionId, userId, code, reason }, 'disconnected')
    if (connection.isWelcomed) this.events.emit('disconnect', { connectionId, userId, code, reason })
  }

  /**
   * Who is in a room.
   * @throws RoomcastError `unavailable`
   */
  members (room: string): Promise<MembersSnapshot> {
    return this.#store.members(room)
  }

  /**
   * Proves that this node can do its job.
   * @throws RoomcastError `draining` or `unavailable`
   */
  async check (): Promise<void> {
    if (this.#isDraining) throw new RoomcastError('draining')
    await this.#broker.check()
  }

  /** Ends the connections, and clears what is left of them; see `closeAll`. */
  async drain (): Promise<void> {
    this.#isDraining = true
    this.#eachSecond.stop()
    if (this.settings.shutdownGraceMs > 0) this.#presence.registrar.leaveStanding()
    await closeAll({
      connections: [...this.#hub.connections()], drainMs: this.settings.drainMs, deliver: () => this.#deliverAll()
    })
    await this.#departures.finish()
  }

  /** Gives the lease back and stops. Call it after `drain`. */
  async stop (): Promise<void> {
    this.rooms.stop()
    this.revoker.stop()
    await this.#control.stop()
    await this.#presence.stop(this.settings.shutdownGraceMs)
  }

  async #deliverAll (): Promise<void> {
    // What was published comes back before the probe does.
    await this.#broker.check().catch(error => { this.log.warn({ err: error }, 'what was published last may not be delivered here') })
    this.#fanout.finish()
    for (const room of this.#hub.rooms()) room.flushHeld('all')
  }

  #tellMemberEvent (event: MemberEvent): void {
    this.#feeds.accept(event)
    const { type, room, member } = event
    this.events.emit(type, { room, member })
  }

  #tendAll (now: number): void {
    for (const connection of this.#hub.connections()) tend(connection, now, this.settings)
    this.backlog.shed()
    this.#presence.assertDue()
    this.rooms.compareDue()
    this.steering.retry()
  }
}
