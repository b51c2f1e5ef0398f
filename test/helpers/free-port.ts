import { once } from 'node:events'
import { createServer } from 'node:net'

const HOST = '127.0.0.1'

/** A port of loopback that nobody listens on now. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}
