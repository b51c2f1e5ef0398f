import Fastify, { LogController, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { bodyOf, fromFastify } from '../plugins/errors.ts'
import { securityHeaders } from '../plugins/security-headers.ts'
import { describeRequest, MIN_MAX_PARAM_LENGTH, roomcast } from './app.ts'
import { SettingsError } from './config.ts'
import { RoomcastError, type ErrorCode } from './core/errors.ts'
import { introduce, withDevelopmentCredentials } from './development.ts'
import { loadEnvironmentFile, readEnvironment, type ProcessSettings } from './environment.ts'
import { closeConnections, httpOptions } from './http-server.ts'
import { redisTarget } from './redis/redis-target.ts'
import { Shutdown } from './shutdown.ts'

/**
 * Connections that may wait to be accepted; the system's own limit (on Linux `net.core.somaxconn`, 4096) applies too. Beyond it, of those that
 * come back at once after a cut, the system lets each wait for its second, third and fourth try: 1, 3, 7, 15 s.
 */
const BACKLOG = 65_535

/** How `roomcast tail` is run here: by the script of this repository, or where another program serves, by the package's own command. */
const TAIL = process.argv[1]?.endsWith('server.js') ? 'npm run -s tail --' : 'npx roomcast tail'

async function main (): Promise<void> {
  loadEnvironmentFile()
  const { process: processSettings, settings } = readEnvironment(process.env)
  const credentials = withDevelopmentCredentials(settings, processSettings, process.env['NODE_ENV'])
  const app = createApp(processSettings)
  const shutdown = new Shutdown({ close: () => app.close(), log: app.log })
  try {
    await app.register(roomcast, { ...credentials.settings, health: true, metrics: true, docs: true })
    await app.register(closeConnections)
    const address = await app.listen({ port: processSettings.port, host: processSettings.host, backlog: BACKLOG })
    app.log.info({ address, nodeName: settings.nodeName, redis: redisTarget(settings) !== undefined }, 'roomcast is ready')
    if (credentials.isDevelopment) introduce(address, credentials.settings, TAIL)
  } catch (err) {
    shutdown.uninstall()
    process.stderr.write(`${err instanceof Error ? err.message : String(err)}\n`)
    app.log.fatal({ err }, 'the start failed')
    await app.close()
    process.exit(1)
  }
}

/** One line for each request, when it was answered. Of connections the node tells more, at the level `debug`. */
class RequestLog extends LogController {
  override incomingRequest (): void {}

  override requestCompleted (err: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const { elapsedTime: responseTime } = reply
    if (err) reply.log.error({ req: request, res: reply, err, responseTime }, 'request errored')
    else reply.log.info({ req: request, res: reply, responseTime }, 'request completed')
  }
}

/** How far down the causes of an error are told. */
const MAX_CAUSES = 5

/** What the log shows of an error: none of its further properties, which may be a command with a password, or the bytes of a request. */
function describeError (error: unknown, causesLeft = MAX_CAUSES): { type: string, message: string, stack: string, [key: string]: unknown } {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error), stack: '' }
  const { name: type, message, stack = '', cause } = error
  return {
    type,
    message,
    stack,
    ...'code' in error && { code: error.code },
    ...cause !== undefined && causesLeft > 0 && { cause: describeError(cause, causesLeft - 1) }
  }
}

function createApp ({ logLevel, trustProxy }: ProcessSettings): FastifyInstance {
  const app: FastifyInstance = Fastify({
    ...httpOptions,
    logger: { level: logLevel, serializers: { req: describeRequest, err: error => describeError(error) } },
    logController: new RequestLog(),
    trustProxy,
    // While it drains, the node itself refuses what it must, and says why.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MIN_MAX_PARAM_LENGTH },
    frameworkErrors: (error: FastifyError, _request: unknown, reply: unknown) => { refuse(reply as FastifyReply, fromFastify(error).code) }
  })
  app.setNotFoundHandler((_request, reply) => { refuse(reply, 'not_found') })
  // A body is read before it is known that nobody wants it.
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { code } = fromFastify(error)
    if (code === 'internal') request.log.error({ err: error }, 'a request failed')
    refuse(reply, code)
  })
  return app
}

/** Answers in the table's words; Fastify's own name the URL, and with it the token of a mistyped address. */
function refuse (reply: FastifyReply, code: ErrorCode): void {
  const error = new RoomcastError(code)
  reply.code(error.statusCode).headers(securityHeaders).send(bodyOf(error))
}

main().catch(error => {
  process.stderr.write(error instanceof SettingsError ? `${error.message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
})
