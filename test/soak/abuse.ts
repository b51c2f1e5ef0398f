import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeFrame, rawSocket, type RawSocket } from '../helpers/raw-socket.ts'
import { memberToken } from '../helpers/token.ts'
import type { Abuse } from './plan.ts'

export interface Abuser {
  /** The address of a node, such as `http://127.0.0.1:43211`. */
  readonly url: string
  readonly userId: string
  readonly room: string
  readonly forMs: number
}

const FLOOD = 6_000
const PING = JSON.stringify({ type: 'ping' })

/** Does a node some harm for a while, and is gone then. What the node makes of it is not looked at: that it is no worse off is. */
export async function misbehave (abuse: Abuse, { url, userId, room, forMs }: Abuser): Promise<void> {
  if (abuse === 'half a handshake') return halfHandshake(url, forMs)
  const ends: Array<() => unknown> = []
  const socket = rawSocket({ after: end => { ends.push(end as () => unknown) } }, { url: `${url}/ws`, token: memberToken(userId, { rooms: [room] }) })
  acts[abuse](socket)
  await delay(forMs)
  for (const end of ends) end()
}

const acts: Readonly<Record<Exclude<Abuse, 'half a handshake'>, (peer: RawSocket) => void>> = {
  'bytes that are no frame': ({ socket }) => { socket.write(randomBytes(2_000)) },
  'text that is no JSON': peer => { peer.send('{"type":"subscribe","room":', '}') },
  'a flood': ({ socket }) => { socket.write(Buffer.concat(Array.from({ length: FLOOD }, () => encodeFrame(PING)))) },
  // What its room publishes piles up in its socket.
  'a deaf reader': ({ socket }) => { socket.pause() }
}

async function halfHandshake (url: string, forMs: number): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) }).on('error', () => {})
  socket.write('GET /ws HTTP/1.1\r\nHost: soak\r\nUpgrade: webso')
  await delay(forMs)
  socket.destroy()
}
