import { Emitter } from '@socket.io/redis-emitter'
import { createSigner } from 'fast-jwt'
import { Redis } from 'ioredis'
import { startNode, startPeer } from './processes.mjs'
import { Poster } from './raw-http.mjs'

const JWT_SECRET = 'a-secret-for-the-benchmark-of-fan-out'
const API_KEY = 'a-key-for-the-benchmark-of-fan-out'
const sign = createSigner({ key: JWT_SECRET, expiresIn: 3_600_000 })

/**
 * Those who are compared. Each is started afresh for a round, on a Redis of its own; each checks a token, and each is published to as its own
 * backends would: Roomcast by REST, on the process that is measured; Socket.IO by its emitter; the others by PUBLISH.
 */
export const sides = {
  roomcast: {
    title: 'Roomcast (JWT, offsets, history, presence)',
    async start (redis) {
      const { address, pid } = await startNode({
        REDIS_URL: redis.url,
        JWT_SECRET,
        API_KEYS: `bench:${API_KEY}`,
        LOG_LEVEL: 'info',
        MAX_FRAME_BYTES: '1048576',
        // All of them come from one address.
        MAX_UPGRADES_PER_SECOND: '0'
      })
      const { port } = new URL(address)
      const poster = new Poster(Number(port), API_KEY)
      const post = (path, body) => poster.post(path, body)
      return { port, pid, post, publish: (room, data) => post('/publish', JSON.stringify({ room, data })), stop: () => { poster.destroy() } }
    },
    opening (userId, room) {
      return {
        path: '/ws',
        headers: { 'Sec-WebSocket-Protocol': `roomcast.v1, bearer.${sign({ sub: userId, rooms: [room] })}` },
        step: text => text.startsWith('{"type":"welcome"')
      }
    }
  },
  'socket.io': {
    title: 'Socket.IO 4 with @socket.io/redis-adapter',
    async start (redis) {
      const peer = await startPeer('socket-io.mjs', { REDIS_URL: redis.url, JWT_SECRET })
      const client = new Redis(redis.url)
      const emitter = new Emitter(client)
      return { ...peer, publish: async (room, data) => { emitter.to(room).emit('message', data) }, stop: () => { client.disconnect() } }
    },
    opening (userId, room) {
      return {
        path: '/socket.io/?EIO=4&transport=websocket',
        step (text, client) {
          if (text.startsWith('0')) client.send(`40${JSON.stringify({ token: sign({ sub: userId }), room })}`)
          return text.startsWith('40')
        }
      }
    }
  },
  ws: {
    title: 'ws and Redis, as tutorials have it',
    start: redis => startPlain('ws-tutorial.mjs', redis),
    opening: plainOpening
  },
  uws: {
    title: 'uWebSockets.js (C++) and Redis',
    start: redis => startPlain('uws.mjs', redis),
    opening: plainOpening
  }
}

async function startPlain (file, redis) {
  const peer = await startPeer(file, { REDIS_URL: redis.url, JWT_SECRET })
  const client = new Redis(redis.url)
  return { ...peer, publish: (room, data) => client.publish(room, JSON.stringify(data)), stop: () => { client.disconnect() } }
}

function plainOpening (userId, room) {
  return { path: `/?room=${room}&token=${sign({ sub: userId })}`, step: text => text.startsWith('{"type":"joined"') }
}
