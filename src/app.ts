import fp from 'fastify-plugin'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import auth from '../plugins/auth.ts'
import cors from '../plugins/cors.ts'
import errors from '../plugins/errors.ts'
import limits from '../plugins/limits.ts'
import meters from '../plugins/meters.ts'
import metrics from '../plugins/metrics.ts'
import openapi from '../plugins/openapi.ts'
import presence from '../plugins/presence.ts'
import realtime from '../plugins/realtime.ts'
import redis from '../plugins/redis.ts'
import securityHeaders from '../plugins/security-headers.ts'
import settingsPlugin from '../plugins/settings.ts'
import storage from '../plugins/storage.ts'
import upgrades from '../plugins/upgrades.ts'
import validation from '../plugins/validation.ts'
import websocket from '../plugins/websocket.ts'
import connectionRoutes from '../routes/connections.ts'
import consoleRoutes from '../routes/console.ts'
import healthRoutes from '../routes/health.ts'
import historyRoutes from '../routes/history.ts'
import memberRoutes from '../routes/members.ts'
import metricsRoutes from '../routes/metrics.ts'
import nodeRoutes from '../routes/nodes.ts'
import presenceRoutes from '../routes/presence.ts'
import publishRoutes from '../routes/publish.ts'
import revocationRoutes from '../routes/revocations.ts'
import roomRoutes from '../routes/rooms.ts'
import wsRoutes from '../routes/ws.ts'
import { parseSettings, SettingsError, type HostFunctions, type RoomcastOptions } from './config.ts'

// What the plugins say of Fastify's instance must reach whoever imports this file.
export type {} from '../plugins/presence.ts'
export type {} from '../plugins/realtime.ts'
export type {} from '../plugins/redis.ts'
export { websocketOptions } from '../plugins/websocket.ts'
export type { RoomcastOptions } from './config.ts'
export type { Claims } from './core/claims.ts'
export { RoomcastError, type ErrorCode } from './core/errors.ts'
export type { PresenceService } from './core/presence-service.ts'
export type { Realtime } from './core/realtime.ts'

/** A room of 200 bytes, each written as %XX, is the longest parameter of a path. */
export const MIN_MAX_PARAM_LENGTH = 600

/** What the request log shows of a request: never its query, which may hold a token. */
export function describeRequest ({ method, url, ip }: FastifyRequest): { method: string, path: string, remoteAddress: string } {
  return { method, path: url.split('?', 1)[0] ?? '', remoteAddress: ip }
}

// pino takes any value from a serializer; the type of `register` knows only strings.
const logSerializers = { req: describeRequest } as object as Record<string, (value: unknown) => string>

/**
 * Roomcast as a plugin. It decorates the host with `publisher`, `subscriber`, `presence` and `realtime`, and with nothing else: all
 * that follows lives in a scope of its own, under `options.prefix`. Read downwards it is the start, upwards the shutdown.
 *
 * @throws SettingsError for a wrong option, and an Error in one sentence for a host that it cannot live in
 */
export const roomcast = fp(async (host: FastifyInstance, options: RoomcastOptions) => {
  const { authenticate, authorize, onPublish, prefix = '', ...data } = options
  const settings = parseSettings(data)
  const functions = { ...authenticate && { authenticate }, ...authorize && { authorize }, ...onPublish && { onPublish } }
  assertFunctions(functions)
  assertHost(host)

  await host.register(async app => {
    await app.register(settingsPlugin, { settings, functions })
    await app.register(meters)
    await app.register(securityHeaders)
    await app.register(errors)
    await app.register(limits)
    await app.register(validation)
    await app.register(redis)
    await app.register(storage)
    await app.register(presence)
    await app.register(auth)
    await app.register(realtime)
    await app.register(metrics)
    await app.register(websocket)
    await app.register(upgrades)
    if (settings.docs) await app.register(openapi)

    await app.register(wsRoutes)
    if (settings.console === true) await app.register(consoleRoutes)
    await app.register(async rest => {
      await rest.register(cors)
      await rest.register(publishRoutes)
      await rest.register(presenceRoutes)
      await rest.register(roomRoutes)
      await rest.register(historyRoutes)
      await rest.register(memberRoutes)
      await rest.register(connectionRoutes)
      await rest.register(nodeRoutes)
      await rest.register(revocationRoutes)
      await rest.register(metricsRoutes)
      if (settings.health) await rest.register(healthRoutes)
    })

    host.decorate('publisher', app.publisher)
    host.decorate('subscriber', app.subscriber)
    host.decorate('presence', app.presence)
    host.decorate('realtime', app.realtime)
  }, { prefix, logSerializers })
}, { name: 'roomcast', fastify: '5.x' })

export default roomcast

function assertFunctions (functions: HostFunctions): void {
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value !== 'function') throw new SettingsError(name, 'expected a function')
  }
}

function assertHost (host: FastifyInstance): void {
  for (const name of ['publisher', 'subscriber', 'presence', 'realtime']) {
    if (host.hasDecorator(name)) throw new Error(`Roomcast needs the decorator "${name}", which this instance has already: register Roomcast once, in a scope without it`)
  }
  const { maxParamLength = 0 } = { ...host.initialConfig, ...host.initialConfig.routerOptions }
  if (maxParamLength < MIN_MAX_PARAM_LENGTH) {
    throw new Error(`Roomcast needs Fastify({ routerOptions: { maxParamLength: ${MIN_MAX_PARAM_LENGTH} } }) or more: names of users and rooms stand in paths`)
  }
}
