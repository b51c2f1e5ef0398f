import type { Connection } from './connection.ts'
import { RoomcastError } from './errors.ts'
import type { Logger } from './logger.ts'
import { MemberFeed } from './member-feed.ts'
import type { MemberEvent, MembersSnapshot, PresenceStore } from './presence-store.ts'

/** The member feeds of this node: one for each room that somebody here watches. */
export class MemberFeeds {
  readonly #store: PresenceStore
  readonly #log: Logger
  readonly #feeds = new Map<string, MemberFeed>()

  constructor ({ store, log }: { store: PresenceStore, log: Logger }) {
    this.#store = store
    this.#log = log
  }

  /** @throws RoomcastError if the members cannot be read */
  async watch (connection: Connection, room: string): Promise<MembersSnapshot> {
    let feed = this.#feeds.get(room)
    if (feed === undefined) {
      feed = new MemberFeed(room, () => this.#store.members(room), error => {
        // The store's own trouble is logged once, where it is noticed, not once a room and try.
        this.#log[error instanceof RoomcastError ? 'debug' : 'error']({ err: error, room }, 'the members of a room could not be read yet')
      })
      this.#feeds.set(room, feed)
    }
    try {
      return await feed.watch(connection)
    } finally {
      this.#drop(room, feed)
    }
  }

  /** Goes on from a snapshot that the caller has written in this turn. */
  open (connection: Connection, room: string, snapshot: MembersSnapshot): void {
    this.#feeds.get(room)?.open(connection, snapshot)
  }

  isWatching (connection: Connection, room: string): boolean {
    return this.#feeds.get(room)?.isWatching(connection) === true
  }

  unwatch (connection: Connection, room: string): void {
    const feed = this.#feeds.get(room)
    if (feed === undefined) return
    feed.unwatch(connection)
    this.#drop(room, feed)
  }

  accept (event: MemberEvent): void {
    this.#feeds.get(event.room)?.accept(event)
  }

  /**
   * Compares the lists of those rooms that somebody watches with the store. `arrived` resolves when everything that the store had told
   * before the call has arrived here.
   */
  async compare (rooms: readonly string[], arrived: () => Promise<void>): Promise<void> {
    const feeds = rooms.flatMap(room => {
      const feed = this.#feeds.get(room)
      return feed === undefined ? [] : [{ room, feed }]
    })
    if (feeds.length === 0) return
    const ends = await Promise.all(feeds.map(({ room }) => this.#store.membersPage(room, '', 1)))
    await arrived()
    for (const [index, end] of ends.entries()) feeds[index]?.feed.settle(end)
  }

  #drop (room: string, feed: MemberFeed): void {
    if (feed.size === 0 && this.#feeds.get(room) === feed) this.#feeds.delete(room)
  }
}
