import { assertUserId } from './names.ts'
import type { PresenceRecord, PresenceStore } from './presence-store.ts'

/** The answer about one user. */
export interface UserPresence {
  readonly userId: string
  readonly online: boolean
  readonly connections: ReadonlyArray<Omit<PresenceRecord, 'userId'>>
}

/** `app.presence`: who is online, on whatever node. */
export class PresenceService {
  readonly #store: PresenceStore

  constructor ({ store }: { store: PresenceStore }) {
    this.#store = store
  }

  /**
   * Whether a user has a live connection on any node.
   * @throws RoomcastError `user_invalid` or `unavailable`
   */
  async isOnline (userId: string): Promise<boolean> {
    return (await this.connections(userId)).length > 0
  }

  /**
   * A user's live connections on all nodes, oldest first.
   * @throws RoomcastError `user_invalid` or `unavailable`
   */
  connections (userId: string): Promise<PresenceRecord[]> {
    assertUserId(userId)
    return this.#store.connections(userId)
  }

  /**
   * The whole answer about a user; also for one who is offline or was never seen.
   * @throws RoomcastError `user_invalid` or `unavailable`
   */
  async user (userId: string): Promise<UserPresence> {
    const records = await this.connections(userId)
    const connections = records.map(({ userId: _, ...connection }) => connection)
    return { userId, online: connections.length > 0, connections }
  }
}
