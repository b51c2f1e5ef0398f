import type { Connection } from './connection.ts'
import { Encoded } from './encoded.ts'
import { FreshRead } from './fresh-read.ts'
import type { MemberEvent, MembersSnapshot, MembersVersion } from './presence-store.ts'
import { stepFrom, type Position, type Step } from './publication.ts'

/** How soon a snapshot that could not be read is asked for again, in milliseconds. */
const REPAIR_RETRY_MS = 500

/** Events that are held for a watcher who waits for a snapshot; beyond that the next snapshot tells more cheaply. */
const MAX_HELD = 1_000

interface Watcher {
  /** What the watcher's list is at; undefined while it waits for a snapshot. */
  at: MembersVersion | undefined
  /** What arrived while it waited. */
  held: MemberEvent[]
}

/**
 * The joins and leaves of one room, for those of this node's connections that watch. Each watcher's list is kept equal to the store's:
 * it gets a snapshot, then what follows on it; where something is missing, a fresh snapshot replaces the list.
 */
export class MemberFeed {
  readonly #room: string
  readonly #snapshots: FreshRead<MembersSnapshot>
  readonly #onFailure: (error: unknown) => void
  readonly #watchers = new Map<Connection, Watcher>()

  constructor (room: string, read: () => Promise<MembersSnapshot>, onFailure: (error: unknown) => void) {
    this.#room = room
    this.#snapshots = new FreshRead(read)
    this.#onFailure = onFailure
  }

  get size (): number { return this.#watchers.size }

  /**
   * Begins to watch: what arrives from now on is held until `open` is called with the snapshot that this resolves with.
   * @throws RoomcastError if the snapshot cannot be read; the connection does not watch then, unless it did before
   */
  async watch (connection: Connection): Promise<MembersSnapshot> {
    const before = this.#watchers.get(connection)
    const watcher: Watcher = { at: undefined, held: [] }
    this.#watchers.set(connection, watcher)
    try {
      return await this.#snapshots.get()
    } catch (error) {
      // Unless it left meanwhile, or began anew.
      if (this.#watchers.get(connection) === watcher) {
        this.#watchers.delete(connection)
        if (before !== undefined) this.#repair([connection])
      }
      throw error
    }
  }

  /** Goes on from a snapshot that the caller has written in this turn. */
  open (connection: Connection, snapshot: MembersSnapshot): void {
    const watcher = this.#watchers.get(connection)
    if (watcher === undefined) return
    const { held } = watcher
    watcher.at = snapshot
    watcher.held = []
    for (const event of held) this.#tell([[connection, watcher]], event)
  }

  isWatching (connection: Connection): boolean { return this.#watchers.has(connection) }

  unwatch (connection: Connection): void {
    this.#watchers.delete(connection)
  }

  /** Takes a join or leave as it arrives. */
  accept (event: MemberEvent): void {
    this.#tell(this.#watchers, event)
  }

  /** Takes the version that the store has reached; everything up to it has arrived here, if it arrives at all. */
  settle (end: MembersVersion): void {
    const behind = [...this.#watchers].filter(([, { at }]) => at !== undefined && isBehind(at, end))
    this.#repair(behind.map(([connection]) => connection))
  }

  #tell (watchers: Iterable<[Connection, Watcher]>, event: MemberEvent): void {
    const { type, room, member, version } = event
    const frames = new Encoded(codec => codec.encode({ type, room, member, version }))
    const behind: Connection[] = []
    for (const [connection, watcher] of watchers) {
      if (watcher.at === undefined) {
        if (watcher.held.length < MAX_HELD) watcher.held.push(event)
        continue
      }
      switch (versionStep(watcher.at, event)) {
        case 'next':
          watcher.at = event
          connection.write(frames.for(connection.codec))
          break
        case 'known':
          break
        default:
          behind.push(connection)
      }
    }
    this.#repair(behind)
  }

  /** Gives connections whose list misses something a fresh one, as soon as it can be read. */
  #repair (connections: readonly Connection[]): void {
    if (connections.length === 0) return
    const waiting = new Map(connections.map(connection => [connection, { at: undefined, held: [] }]))
    for (const [connection, watcher] of waiting) this.#watchers.set(connection, watcher)
    this.#snapshots.get().then(snapshot => {
      const { members, version } = snapshot
      const frames = new Encoded(codec => codec.encode({ type: 'presence', room: this.#room, members, version }))
      for (const connection of this.#still(waiting)) {
        connection.write(frames.for(connection.codec))
        this.open(connection, snapshot)
      }
    }).catch(error => {
      this.#onFailure(error)
      setTimeout(() => { this.#repair(this.#still(waiting)) }, REPAIR_RETRY_MS)
    })
  }

  /** Those who still wait, and did not begin anew meanwhile. */
  #still (waiting: ReadonlyMap<Connection, Watcher>): Connection[] {
    return [...waiting].filter(([connection, watcher]) => this.#watchers.get(connection) === watcher).map(([connection]) => connection)
  }
}

function versionStep (from: MembersVersion, to: MembersVersion): Step {
  return stepFrom(asPosition(from), asPosition(to))
}

function isBehind (at: MembersVersion, end: MembersVersion): boolean {
  return at.epoch !== end.epoch || at.version < end.version
}

function asPosition ({ epoch, version }: MembersVersion): Position {
  return { epoch, offset: version }
}
