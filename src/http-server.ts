import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyHttpOptions, FastifyInstance } from 'fastify'
import { refuseSocket } from '../plugins/errors.ts'
import { securityHeaders } from '../plugins/security-headers.ts'
import { RoomcastError, type ErrorCode } from './core/errors.ts'
import { within } from './core/within.ts'

/** How long the requests under way may take once a shutdown has told the clients; with the drain it stays below the shutdown's own time-out. */
const LAST_REQUESTS_MS = 2_500

/**
 * Turns of the event loop in which nothing is under way before what is left is cut: one to accept a connection, one to read what came on it, and
 * one for a busy system. A request that a node was too busy to read is then answered; a proxy would tell its sender 502.
 */
const QUIET_TURNS = 3

/** How the process serves HTTP: a peer that is slow on purpose costs a socket, and not for long. docs/operations.md#http */
export const httpOptions = {
  // A peer that stops reading its answer, or says nothing at all. WebSockets are free of it.
  connectionTimeout: 60_000,
  // The whole request, body included.
  requestTimeout: 30_000,
  // Longer than the 60 s of common load balancers, which otherwise send into a connection that just closes.
  keepAliveTimeout: 72_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000 },
  clientErrorHandler: refuseUnread
} satisfies FastifyHttpOptions<Server>

const codes: Readonly<Record<string, ErrorCode>> = { HPE_HEADER_OVERFLOW: 'headers_too_large', ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout' }

/** Answers what is no HTTP, too large or too late, in the words of our table. */
function refuseUnread (this: FastifyInstance, { code = '' }: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: { headersSent: boolean } | null }): void {
  // What the parser could not read once it cannot read further on: of more that comes there is nothing left to say.
  if (code === 'ECONNRESET' || !socket.writable) return
  // Not the error itself: it holds the bytes that came, and with them tokens.
  this.log.debug({ code }, 'a request could not be read')
  if (socket._httpMessage?.headersSent === true) socket.destroySoon()
  else refuseSocket(socket, new RoomcastError(codes[code] ?? 'request_invalid'), securityHeaders)
}

/**
 * Lets the server close although peers hold connections open and send nothing, or half a request: requests under way get their answer, and then
 * all that is left is cut. Node by itself waits for these peers, and no time-out of its own runs while it closes. Register it after what drains.
 */
export async function closeConnections (app: FastifyInstance): Promise<void> {
  const underWay = new RequestsUnderWay(app.server)
  app.addHook('preClose', async () => {
    await within(LAST_REQUESTS_MS, underWay.quiet())
    app.server.closeAllConnections()
  })
}

/** Counts the requests that were not answered yet; upgrades are none. */
class RequestsUnderWay {
  #count = 0
  #onOver: () => void = () => {}

  constructor (server: Server) {
    server.on('request', (_request, response) => {
      this.#count++
      response.once('close', () => {
        if (--this.#count === 0) this.#onOver()
      })
    })
  }

  /** Resolves when there are none, and none had come that was not read yet. */
  async quiet (): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns = this.#count > 0 ? 0 : turns + 1) {
      if (this.#count > 0) await new Promise<void>(resolve => { this.#onOver = resolve })
      await nextTurn()
    }
  }
}
