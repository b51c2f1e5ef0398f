import { RoomcastError } from './errors.ts'
import { assertPublicRoom, assertUserId } from './names.ts'
import type { MembersPage, MembersSnapshot, NodeStatus, PresenceRecord, PresenceStore, UserPresence } from './presence-store.ts'

/** Users in one query. */
export const MAX_QUERIED_USERS = 1_000

/** Members or rooms in one page. */
export const MAX_PAGE_SIZE = 1_000

/**
 * `app.presence`: who is online, on whatever node, also seconds after a node was killed. Each question takes one round trip to the
 * store, and rejects with RoomcastError `unavailable` where the store cannot be asked.
 */
export class PresenceService {
  readonly #store: PresenceStore

  constructor ({ store }: { store: PresenceStore }) {
    this.#store = store
  }

  /**
   * Whether a user has a live connection on any node.
   * @throws RoomcastError `user_invalid`
   */
  async isOnline (userId: string): Promise<boolean> {
    return (await this.user(userId)).online
  }

  /**
   * A user's live connections on all nodes, oldest first.
   * @throws RoomcastError `user_invalid`
   */
  async connections (userId: string): Promise<readonly PresenceRecord[]> {
    return (await this.user(userId)).connections
  }

  /**
   * The whole answer about a user; also for one who is offline or was never seen.
   * @throws RoomcastError `user_invalid`
   */
  async user (userId: string): Promise<UserPresence> {
    const [answer] = await this.query([userId])
    if (answer === undefined) throw new Error('the store left a question unanswered')
    return answer
  }

  /**
   * The answers about up to 1,000 users, in the order asked.
   * @throws RoomcastError `user_invalid` or `request_invalid`
   */
  async query (userIds: readonly string[]): Promise<UserPresence[]> {
    if (userIds.length > MAX_QUERIED_USERS) throw new RoomcastError('request_invalid', { message: `Ask about at most ${MAX_QUERIED_USERS} users` })
    for (const userId of userIds) assertUserId(userId)
    return this.#store.users(userIds)
  }

  /**
   * The members of a room, with the version that the joins and leaves up to now made.
   * @throws RoomcastError `room_invalid` or `room_forbidden`
   */
  async members (room: string): Promise<MembersSnapshot> {
    assertPublicRoom(room)
    return this.#store.members(room)
  }

  /**
   * A part of the members, in the order of their user ids: at most `limit` (1 to 1,000), after a user id.
   * @throws RoomcastError `room_invalid` or `room_forbidden`
   */
  async membersPage (room: string, { after = '', limit = 100 }: { after?: string | undefined, limit?: number | undefined } = {}): Promise<MembersPage> {
    assertPublicRoom(room)
    return this.#store.membersPage(room, after, limit)
  }

  /**
   * How many live connections and users are in a room.
   * @throws RoomcastError `room_invalid` or `room_forbidden`
   */
  async occupancy (room: string): Promise<{ connections: number, members: number }> {
    assertPublicRoom(room)
    return this.#store.occupancy(room)
  }

  /**
   * The live nodes of the cluster, in the order of their names. What each says of itself is what it told with its last heartbeat: its counts are as
   * old as that.
   */
  async nodes (): Promise<NodeStatus[]> {
    const nodes = await this.#store.nodes()
    return nodes.sort((a, b) => compare(a.nodeName, b.nodeName) || a.startedAt - b.startedAt || compare(a.nodeId, b.nodeId))
  }

  /** Names of rooms in use, in order: those that begin with `prefix`, at most `limit` (1 to 1,000), after a name. */
  rooms ({ prefix = '', after = '', limit = 100 }: { prefix?: string | undefined, after?: string | undefined, limit?: number | undefined } = {}): Promise<{ rooms: string[], next: string | null }> {
    return this.#store.rooms(prefix, after, limit)
  }
}

/** The order of two names, the same in every locale. */
function compare (a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
