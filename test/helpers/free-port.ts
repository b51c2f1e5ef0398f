import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

const HOST = '127.0.0.1'
/** Below the ports that systems give to outgoing connections, and above those that servers usually have. */
const LASTING = [15_000, 30_000] as const

/** A port of loopback that nobody listens on now. */
export function freePort (): Promise<number> {
  return listenOnce(0)
}

/** A port that is free, and that no outgoing connection takes between two servers that listen on it one after the other. */
export async function lastingPort (): Promise<number> {
  for (;;) {
    try {
      return await listenOnce(randomInt(...LASTING))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

async function listenOnce (wanted: number): Promise<number> {
  const server = createServer().listen(wanted, HOST)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}
