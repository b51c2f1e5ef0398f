// Socket.IO 4 with its Redis adapter, as its documentation sets it up: the token checked at the handshake, the rooms joined at the connection.
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { createVerifier } from 'fast-jwt'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'

const { REDIS_URL, JWT_SECRET } = process.env
const verify = createVerifier({ key: JWT_SECRET, algorithms: ['HS256'] })
const publisher = new Redis(REDIS_URL)
const http = createServer((request, response) => { response.end('ok') })
// Pings are so far apart that nobody has to answer one within a round.
const io = new Server(http, { transports: ['websocket'], pingInterval: 300_000, adapter: createAdapter(publisher, publisher.duplicate()) })

io.use((socket, next) => {
  try {
    socket.data.user = verify(socket.handshake.auth.token).sub
    next()
  } catch (error) {
    next(error)
  }
})
io.on('connection', socket => { socket.join(socket.handshake.auth.room) })
http.listen(0, '127.0.0.1', 65_535, () => { console.log(`listening ${http.address().port}`) })
