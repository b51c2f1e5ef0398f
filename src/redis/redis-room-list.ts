import { call, type CallParts } from './redis-calls.ts'
import type { RedisKeys } from './redis-keys.ts'

// Names hold no control characters, so what follows a NUL is the node, and nothing sorts between a name and it.
const NUL = '\0'
const AFTER_EVERY_NODE = '\x01'
const AFTER_EVERY_NAME = Buffer.from([0xFF])

/** How many nodes' entries for one room are expected, so that one read usually fills a page. */
const NODES_PER_ROOM = 4

export interface RedisRoomListParts extends CallParts {
  readonly keys: RedisKeys
}

/** The rooms in use, by name: one sorted set with an entry for each room and node. */
export class RedisRoomList {
  readonly #parts: RedisRoomListParts

  constructor (parts: RedisRoomListParts) {
    this.#parts = parts
  }

  /** The entry for a room on a node. */
  static member (room: string, nodeId: string): string {
    return room + NUL + nodeId
  }

  /** A page of names that begin with `prefix`, after a name, of rooms that a live node has; usually within the round trip that `live` takes. */
  async page (prefix: string, after: string, limit: number, live: Promise<ReadonlySet<string>>): Promise<{ rooms: string[], next: string | null }> {
    const found = new Set<string>()
    let min = isAfter(prefix, after) ? `[${prefix}` : `[${after}${AFTER_EVERY_NODE}`
    const max = prefix === '' ? '+' : Buffer.concat([Buffer.from(`[${prefix}`), AFTER_EVERY_NAME])
    const count = (limit + 1) * NODES_PER_ROOM
    const key = this.#parts.keys.rooms()
    for (;;) {
      const from = min
      const [nodes, entries] = await Promise.all([
        live, call(this.#parts, key, publisher => publisher.zrangebylex(key, from, max, 'LIMIT', 0, count))
      ])
      for (const entry of entries) {
        const [name = '', nodeId = ''] = entry.split(NUL)
        if (nodes.has(nodeId)) found.add(name)
      }
      const last = entries.at(-1)
      if (entries.length < count || last === undefined || found.size > limit) break
      min = `(${last}`
    }
    const rooms = [...found].slice(0, limit)
    return { rooms, next: found.size > limit ? rooms.at(-1) ?? null : null }
  }
}

/** Whether a prefix, and so every name that begins with it, sorts behind a name; by bytes, as Redis sorts. */
function isAfter (prefix: string, name: string): boolean {
  return name === '' || Buffer.compare(Buffer.from(prefix), Buffer.from(name)) > 0
}
