import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import fastifyWebsocket, { type WebsocketPluginOptions } from '@fastify/websocket'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { WebSocket, type RawData } from 'ws'
import type { Claims } from '../src/core/claims.ts'
import { closeCodes } from '../src/core/close-codes.ts'
import type { Connection } from '../src/core/connection.ts'
import { RoomcastError } from '../src/core/errors.ts'
import { PROTOCOL } from '../src/core/frames.ts'
import { JsonCodec } from '../src/core/json-codec.ts'
import { frameText, WebSocketTransport } from '../src/websocket/websocket-transport.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes a connection of an upgraded socket. Synchronous, so that no frame is lost before somebody listens. */
    roomcastAccept: (webSocket: WebSocket, socket: Socket, how: { claims: Claims, mode: 'new' | 'resume' }) => Connection
  }
}

/** How long a peer may take to answer a close before it is cut, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2_000

/** The largest frame that is read unless the settings say otherwise. */
const MAX_FRAME_BYTES = 65_536

/**
 * The options with which Roomcast registers @fastify/websocket. A host that registers it itself, for routes of its own, passes
 * these, and Roomcast then uses the host's.
 */
export const websocketOptions = {
  options: {
    maxPayload: MAX_FRAME_BYTES,
    // Compression costs memory for each connection, and shared frames could not be written as they are.
    perMessageDeflate: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
    // By default ws echoes the first name offered, which may be the token.
    handleProtocols: (offered: Set<string>) => offered.has(PROTOCOL) ? PROTOCOL : false
  },
  errorHandler (error, webSocket, request) {
    if (isPeerFault(error)) {
      request.log.debug({ err: error }, 'the peer broke the connection or the protocol')
      return
    }
    request.log.error({ err: error }, 'a WebSocket handler failed')
    webSocket.close(closeCodes.internal.code, closeCodes.internal.reason)
  },
  // Each connection is told by the node, with its code, while requests still end; the default would end them without one.
  preClose (done) {
    for (const webSocket of this.websocketServer.clients) {
      if (!connections.has(webSocket)) webSocket.close(closeCodes.goingAway.code, closeCodes.goingAway.reason)
    }
    done()
  }
} as const satisfies WebsocketPluginOptions & { options: { closeTimeout: number } }

const connections = new WeakMap<WebSocket, Connection>()

/** While a request is answered, its socket has the response. */
type UpgradedSocket = Socket & { _httpMessage?: ServerResponse }

/** Brings WebSocket to the routes of this scope, and makes connections of sockets. */
export default fp(async (app: FastifyInstance) => {
  const { maxFrameBytes } = app.roomcastSettings
  if (app.hasDecorator('websocketServer')) {
    assertShared(app, maxFrameBytes)
  } else {
    await app.register(fastifyWebsocket, { ...websocketOptions, options: { ...websocketOptions.options, maxPayload: maxFrameBytes } })
    app.websocketServer.on('wsClientError', (cause, socket) => {
      app.roomcastMeters.refusedUpgrades.add(400)
      // RFC 6455 §4.4: a version that is not spoken is answered with those that are.
      app.roomcastRefuse(socket as Socket, new RoomcastError('request_invalid', { message: cause.message, cause }), { 'sec-websocket-version': '13, 8' })
    })
  }
  app.server.on('upgrade', destroyAfterAnswer)
  app.addHook('onReady', async () => { assertAlone(app) })
  app.addHook('onClose', async () => { app.server.off('upgrade', destroyAfterAnswer) })

  const codec = new JsonCodec({ framer: frameText })
  // The close that follows an error ends the connection.
  const onError = function (this: WebSocket, err: Error): void {
    const connectionId = connections.get(this)?.connectionId
    if (isPeerFault(err)) app.log.debug({ err, connectionId }, 'the peer broke the connection or the protocol')
    else app.log.error({ err, connectionId }, 'a WebSocket failed')
  }
  app.decorate('roomcastAccept', (webSocket, socket, how) => {
    const connection = app.roomcastNode.connect({ transport: new WebSocketTransport(webSocket, socket), codec, ...how })
    connections.set(webSocket, connection)
    letGo(webSocket, socket)
    webSocket.on('error', onError).on('message', onMessage).on('ping', onSign).on('pong', onSign).on('close', onClose)
    return connection
  })
}, { name: 'roomcast-websocket', dependencies: ['roomcast-settings', 'roomcast-meters', 'roomcast-errors', 'roomcast-realtime'], fastify: '5.x' })

/**
 * Frees the request of an upgrade: @fastify/websocket's listener for errors, and the response that the socket still has, would keep it with all
 * its headers for as long as the connection lasts.
 */
function letGo (webSocket: WebSocket, socket: UpgradedSocket): void {
  webSocket.removeAllListeners('error')
  socket._httpMessage?.detachSocket(socket)
}

function onMessage (this: WebSocket, data: RawData, isBinary: boolean): void {
  connections.get(this)?.receive(data as Buffer, isBinary ? 'binary' : 'text')
}

function onSign (this: WebSocket): void {
  connections.get(this)?.receiveSign()
}

function onClose (this: WebSocket, code: number, reason: Buffer): void {
  connections.get(this)?.end({ code, reason: reason.toString() })
}

/** What any peer can cause at any time, and what is no fault of ours. */
function isPeerFault (error: Error & { code?: string }): boolean {
  return error.code?.startsWith('WS_ERR_') === true || error.code === 'ECONNRESET' || error.code === 'EPIPE'
}

function assertShared ({ websocketServer: { options } }: FastifyInstance, maxFrameBytes: number): void {
  if (options.handleProtocols !== websocketOptions.options.handleProtocols) {
    throw new Error('Roomcast found @fastify/websocket registered without its `websocketOptions`: register it with them')
  }
  if (options.maxPayload !== maxFrameBytes) {
    throw new Error(`Roomcast found @fastify/websocket with another maxPayload than its own maxFrameBytes: set both to the same, such as ${options.maxPayload}`)
  }
}

function assertAlone ({ server }: FastifyInstance): void {
  const others = server.listeners('upgrade').filter(listener => listener !== destroyAfterAnswer)
  if (others.length > 1) {
    throw new Error('@fastify/websocket was registered a second time after Roomcast, and both would answer: register it before, with `websocketOptions`')
  }
}

/**
 * An upgrade that is answered as plain HTTP without reaching a route (a malformed URL, a server that is closing) would keep its
 * socket open for ever, and hold up the shutdown: @fastify/websocket destroys only those that pass its own hooks.
 */
function destroyAfterAnswer (_request: unknown, socket: UpgradedSocket): void {
  socket._httpMessage?.once('finish', () => { socket.destroySoon() })
}
