// uWebSockets.js (C++) and Redis: its own publish, one string for all, no offsets and no history.
import uws from '@trufflesuite/uws-js-unofficial'
import { createVerifier } from 'fast-jwt'
import { Redis } from 'ioredis'

const { REDIS_URL, JWT_SECRET } = process.env
const verify = createVerifier({ key: JWT_SECRET, algorithms: ['HS256'] })
const subscriber = new Redis(REDIS_URL)
const sizes = new Map()

const app = uws.App().ws('/*', {
  idleTimeout: 120,
  maxBackpressure: 1_048_576,
  upgrade (response, request, context) {
    const query = new URLSearchParams(request.getQuery())
    try {
      verify(query.get('token'))
    } catch {
      response.writeStatus('401 Unauthorized').end()
      return
    }
    response.upgrade({ room: query.get('room') }, request.getHeader('sec-websocket-key'), request.getHeader('sec-websocket-protocol'),
      request.getHeader('sec-websocket-extensions'), context)
  },
  open (ws) {
    const { room } = ws
    const size = sizes.get(room) ?? 0
    sizes.set(room, size + 1)
    ws.subscribe(room)
    const tell = () => { ws.send(JSON.stringify({ type: 'joined', room })) }
    if (size === 0) subscriber.subscribe(room).then(tell)
    else tell()
  },
  close (ws) { sizes.set(ws.room, sizes.get(ws.room) - 1) }
}).any('/*', response => { response.end('ok') })

subscriber.on('message', (room, message) => { app.publish(room, `{"type":"message","room":"${room}","data":${message}}`) })
app.listen('127.0.0.1', 0, socket => { console.log(`listening ${uws.us_socket_local_port(socket)}`) })
