/**
 * What the description shows: one small world, in which alice is in the lobby. A test plays every request of it against a server, so that none
 * shows what would be refused.
 */
const at = 1_795_574_436_496
const connectionId = 'uScFq3kIbmXy3a5Y5yqvTw'
const epoch = '8k7BcQzTn0rYdK2mW1sVxA'
const data = { text: 'hello' }

const connection = {
  connectionId,
  nodeId: 'k2Vd0mQx7tYh1nLs8RwZpA',
  nodeName: 'north',
  connectedAt: at,
  transport: 'websocket',
  info: { name: 'Alice' }
}

const online = { userId: 'alice', online: true, lastSeenAt: null }
const offline = { userId: 'bob', online: false, lastSeenAt: at }

export const publishBodies = {
  room: { summary: 'To whoever is subscribed to a room', value: { room: 'lobby', data } },
  rooms: { summary: 'To several rooms, safe to retry', value: { rooms: ['lobby', 'chat:42'], data, key: 'order-1042' } },
  user: { summary: 'To every connection of a user', value: { user: 'alice', data: { type: 'order.placed', id: 1042 } } },
  users: { summary: 'To several users', value: { users: ['alice', 'bob'], data: 'lunch?' } },
  everyone: { summary: 'To every connection, not kept', value: { everyone: true, data: { notice: 'back in five minutes' }, volatile: true } },
  except: { summary: 'To a room, but for the connection that caused it', value: { room: 'lobby', data, except: connectionId } }
}

export const published = {
  one: { summary: 'To a room', value: { publications: [{ room: 'lobby', epoch, offset: 8, duplicate: false }] } },
  user: { summary: 'To a user', value: { publications: [{ room: '$user:alice', user: 'alice', epoch, offset: 3, duplicate: false }] } },
  duplicate: { summary: 'The same again, under the same key', value: { publications: [{ room: 'lobby', epoch, offset: 8, duplicate: true }] } },
  volatile: { summary: 'Volatile: there is no position', value: { publications: [{ room: '$all', duplicate: false }] } }
}

/** Where one of two rooms was published to. */
export const outcomes = [{ room: 'lobby', epoch, offset: 8, duplicate: false }, { room: 'chat:42', code: 'unavailable' }]

export const batch = { publishes: [{ room: 'lobby', data, key: 'order-1042' }, { user: 'alice', data: 'yours' }, { room: '', data }] }

export const batchReply = {
  results: [
    { statusCode: 200, publications: published.one.value.publications },
    { statusCode: 200, publications: published.user.value.publications },
    { statusCode: 400, code: 'request_invalid', error: 'Bad Request', message: 'room: Expected string length greater or equal to 1' }
  ]
}

export const userPresence = {
  online: { value: { ...online, connections: [connection] } },
  offline: { summary: 'Offline; a user who never was here looks like this, too', value: { ...offline, connections: [] } }
}

export const userConnections = { userId: 'alice', connections: [connection] }

export const nodes = {
  nodes: [{ nodeId: 'k2Vd0mQx7tYh1nLs8RwZpA', nodeName: 'north', version: '1.0.0', startedAt: at - 3_600_000, leaseEndsAt: at + 9_000, connections: 1_204, rooms: 87 }]
}

export const metrics = '# HELP roomcast_connections Connections of this node\n# TYPE roomcast_connections gauge\nroomcast_connections 1204\n'

export const presenceQuery = { userIds: ['alice', 'bob'], connections: false }
export const presenceQueryReply = { users: [online, offline] }

export const rooms = { rooms: ['chat:42', 'lobby'], next: null }
export const roomPresence = { room: 'lobby', members: [{ userId: 'alice', info: { name: 'Alice' } }, { userId: 'bob', info: null }], version: 12, next: null }
export const occupancy = { connections: 3, members: 2 }

export const history = {
  room: 'lobby',
  epoch,
  offset: 8,
  publications: [{ offset: 7, data: 'hi', from: { userId: 'alice', connectionId }, at }, { offset: 8, data, at: at + 1_000 }],
  more: false
}

/** Far enough away that the test which plays it does not wear out; yours end when the tokens do. */
const expiresAt = 4_102_444_800_000

export const revocations = {
  user: { summary: 'Whatever a user was issued until now', value: { user: 'mallory', issuedBefore: at, expiresAt } },
  token: { summary: 'One token', value: { jti: '5f0c2c1e', expiresAt } },
  ban: { summary: 'A user, in one room', value: { user: 'mallory', room: 'lobby', expiresAt } }
}

export const revoked = { value: revocations.user.value }
