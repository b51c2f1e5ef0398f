import type { ClientFrame } from './frames.ts'
import type { ServerFrameType } from './server-frames.ts'

const at = 1_795_574_436_496
const room = 'chat:42'
const epoch = '8k7BcQzTn0rYdK2mW1sVxA'
const connectionId = 'uScFq3kIbmXy3a5Y5yqvTw'
const since = { epoch, offset: 9 }
const alice = { userId: 'alice', info: { name: 'Alice' } }
const expiresAt = at + 3_600_000

/** A frame of each kind that a client sends, as docs/asyncapi.json shows it. */
export const requestExamples: { readonly [Type in ClientFrame['type']]: Extract<ClientFrame, { type: Type }> } = {
  subscribe: { type: 'subscribe', id: 1, room, since, presence: true },
  unsubscribe: { type: 'unsubscribe', id: 2, room },
  publish: { type: 'publish', id: 3, room, data: { text: 'hi' }, key: 'note-1' },
  presence: { type: 'presence', id: 4, room },
  history: { type: 'history', id: 5, room, since, limit: 100 },
  resume: { type: 'resume', id: 6, connectionId, rooms: [{ room, since }] },
  refresh: { type: 'refresh', id: 7, token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…' },
  ping: { type: 'ping', id: 8 }
}

const publications = [{ offset: 10, data: 'a', at }, { offset: 11, data: 'b', from: { userId: 'bob', connectionId }, at: at + 1_000 }]

/** A frame of each kind that the server sends; replies are those to the requests above. */
export const frameExamples: Readonly<Record<ServerFrameType, object>> = {
  welcome: {
    type: 'welcome',
    protocol: 'roomcast.v1',
    connectionId,
    userId: 'alice',
    nodeName: 'north',
    expiresAt,
    pingIntervalMs: 25_000,
    maxFrameBytes: 65_536,
    rooms: [{ room: '$user:alice', epoch, offset: 0 }, { room: '$all', epoch, offset: 3 }, { room, epoch, offset: 11, recovered: true, publications }]
  },
  message: { type: 'message', room, offset: 12, data: { text: 'hi' }, from: { userId: 'alice', connectionId }, at },
  subscribed: { type: 'subscribed', id: 1, room, epoch, offset: 11, recovered: true, publications, members: [alice], version: 12 },
  unsubscribed: { type: 'unsubscribed', id: 2, room },
  published: { type: 'published', id: 3, room, epoch, offset: 12 },
  history: { type: 'history', id: 5, room, epoch, offset: 11, publications, more: false },
  presence: { type: 'presence', id: 4, room, members: [alice], version: 12 },
  join: { type: 'join', room, member: { userId: 'bob', info: null }, version: 13 },
  leave: { type: 'leave', room, member: { userId: 'bob', info: null }, version: 14 },
  refreshed: { type: 'refreshed', id: 7, expiresAt },
  pong: { type: 'pong', id: 8 },
  gap: { type: 'gap', room, epoch, offset: 40 },
  token_expiring: { type: 'token_expiring', expiresAt },
  error: { type: 'error', id: 1, room: 'staff', code: 'room_forbidden', message: 'The token does not allow this in this room' }
}
