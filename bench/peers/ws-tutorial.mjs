// `ws` and Redis as tutorials have it: a set of sockets for each room, and a JSON.stringify for each of them.
import { createServer } from 'node:http'
import { createVerifier } from 'fast-jwt'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'

const { REDIS_URL, JWT_SECRET } = process.env
const verify = createVerifier({ key: JWT_SECRET, algorithms: ['HS256'] })
const subscriber = new Redis(REDIS_URL)
const rooms = new Map()
const http = createServer((request, response) => { response.end('ok') })
const sockets = new WebSocketServer({ noServer: true })

http.on('upgrade', (request, socket, head) => {
  const { searchParams } = new URL(request.url, 'http://localhost')
  try {
    verify(searchParams.get('token'))
  } catch {
    socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
    return
  }
  sockets.handleUpgrade(request, socket, head, ws => { join(searchParams.get('room'), ws) })
})

async function join (room, ws) {
  if (!rooms.has(room)) {
    rooms.set(room, new Set())
    await subscriber.subscribe(room)
  }
  rooms.get(room).add(ws)
  ws.on('close', () => { rooms.get(room).delete(ws) })
  ws.send(JSON.stringify({ type: 'joined', room }))
}

subscriber.on('message', (room, message) => {
  const data = JSON.parse(message)
  for (const ws of rooms.get(room) ?? []) ws.send(JSON.stringify({ type: 'message', room, data }))
})
http.listen(0, '127.0.0.1', 65_535, () => { console.log(`listening ${http.address().port}`) })
