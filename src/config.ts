import { hostname } from 'node:os'
import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { FastifyRequest } from 'fastify'
import type { Claims } from './core/claims.ts'
import type { Authorize, OnPublish } from './core/gatekeeper.ts'
import { KEY_PREFIX_PATTERN } from './redis/redis-keys.ts'

/** What an API key or a token's `scope` may allow over REST. */
export const scopes = ['publish', 'presence:read'] as const

export type Scope = typeof scopes[number]

const closed = { additionalProperties: false }

export const ApiKeySchema = Type.Object({
  /** For logs; the same name twice lets a key be rotated. */
  name: Type.String({ minLength: 1 }),
  key: Type.String({ pattern: '^[A-Za-z0-9_-]{32,}$' }),
  /** Absent: every scope. */
  scopes: Type.Optional(Type.Array(Type.Union(scopes.map(scope => Type.Literal(scope)))))
}, closed)

export type ApiKey = Static<typeof ApiKeySchema>

export const RoomPolicySchema = Type.Object({
  pattern: Type.String({ minLength: 1, maxLength: 200 })
}, closed)

export type RoomPolicy = Static<typeof RoomPolicySchema>

/**
 * Every setting of Roomcast that is data: its type, default and unit, and the environment variable that sets it for the process.
 * `.env.example` and docs/operations.md are tested against this.
 */
export const SettingsSchema = Type.Object({
  redisUrl: Type.Optional(Type.String({
    pattern: '^rediss?://', env: 'REDIS_URL', description: 'redis:// or rediss:// URL; absent: one process, in memory'
  })),
  keyPrefix: Type.String({
    default: 'roomcast', pattern: KEY_PREFIX_PATTERN, env: 'KEY_PREFIX', description: 'Keeps clusters on one Redis apart, pub/sub included'
  }),
  nodeName: Type.String({ default: hostname(), minLength: 1, maxLength: 128, env: 'NODE_NAME', description: 'Names this node for people' }),
  jwtSecret: Type.Optional(Type.String({ minLength: 32, env: 'JWT_SECRET', description: 'Secret of the tokens, at least 32 bytes' })),
  jwtAlgorithm: Type.Union([Type.Literal('HS256'), Type.Literal('HS384'), Type.Literal('HS512')], {
    default: 'HS256', env: 'JWT_ALGORITHM', description: 'The only algorithm that tokens may have'
  }),
  jwtAudience: Type.Optional(Type.String({ minLength: 1, env: 'JWT_AUDIENCE', description: 'What `aud` must hold; absent: not checked' })),
  jwtIssuer: Type.Optional(Type.String({ minLength: 1, env: 'JWT_ISSUER', description: 'What `iss` must be; absent: not checked' })),
  apiKeys: Type.Array(ApiKeySchema, {
    default: [], env: 'API_KEYS', description: 'name:key[:scope+scope], comma-separated; a key has at least 32 characters of A-Z a-z 0-9 _ -'
  }),
  allowedOrigins: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z][a-z0-9+.-]*://[^/?#]+$' }), {
    env: 'ALLOWED_ORIGINS', description: 'Origins of browsers that may connect, comma-separated; absent: the same origin only'
  })),
  rooms: Type.Array(RoomPolicySchema, {
    default: [], env: 'ROOMS', description: 'Policies by pattern, the first match wins: JSON, or the path of a JSON file'
  }),
  pingIntervalMs: Type.Integer({ default: 25_000, minimum: 1_000, env: 'PING_INTERVAL_MS', description: 'Silence after which a connection is pinged' }),
  pongTimeoutMs: Type.Integer({ default: 10_000, minimum: 1_000, env: 'PONG_TIMEOUT_MS', description: 'How long it may then stay silent' }),
  heartbeatMs: Type.Integer({ default: 3_000, minimum: 100, env: 'HEARTBEAT_MS', description: 'How often a node renews its lease; less than half of it' }),
  leaseMs: Type.Integer({ default: 10_000, minimum: 300, env: 'LEASE_MS', description: 'How long a dead node\'s users stay online' }),
  maxFrameBytes: Type.Integer({ default: 65_536, minimum: 1_024, env: 'MAX_FRAME_BYTES', description: 'Largest frame and largest REST body' }),
  maxBufferedBytes: Type.Integer({
    default: 1_048_576, minimum: 65_536, env: 'MAX_BUFFERED_BYTES', description: 'High-water mark: bytes that may wait in one socket'
  }),
  drainMs: Type.Integer({ default: 3_000, minimum: 0, env: 'DRAIN_MS', description: 'How long a shutdown waits for frames under way' }),
  health: Type.Boolean({ default: false, description: 'Whether /live and /ready are served; the process always does' }),
  docs: Type.Boolean({ default: false, description: 'Whether OpenAPI is served at /docs; the process always does' })
}, closed)

export type Settings = Static<typeof SettingsSchema>

/** What only code can give: functions of the host. Each may be async, is bounded in time, and a throw is a refusal. */
export interface HostFunctions {
  /** Says who opens a connection, instead of Roomcast's own token check. */
  readonly authenticate?: (request: FastifyRequest) => Claims | Promise<Claims>
  /** Says what a connection may do, instead of the token's `can`. */
  readonly authorize?: Authorize
  /** Judges each publication before it is published. */
  readonly onPublish?: OnPublish
}

/** The options of `app.register(roomcast, options)`. */
export type RoomcastOptions = Partial<Settings> & HostFunctions & {
  /** Prefix of every route. */
  readonly prefix?: string
}

/** A setting that is wrong, in words for whoever set it. */
export class SettingsError extends Error {
  constructor (setting: string, problem: string) {
    super(`${setting}: ${problem}`)
    this.name = 'SettingsError'
  }
}

/**
 * Fills in the defaults and checks everything.
 * @param nameOf how the reader calls a setting: by its option, or by its environment variable
 * @throws SettingsError naming the setting and what was expected
 */
export function parseSettings (options: Partial<Settings>, nameOf: (setting: string) => string = setting => setting): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const settings = Value.Default(SettingsSchema, structuredClone(given))
  const error = Value.Errors(SettingsSchema, settings).First()
  if (error !== undefined) {
    const [setting = '', ...rest] = error.path.slice(1).split('/')
    const place = rest.length === 0 ? '' : ` (at ${rest.join('.')})`
    throw new SettingsError(nameOf(setting), `${expectation(error)}${place}`)
  }
  const parsed = settings as Settings
  if (parsed.heartbeatMs >= parsed.leaseMs / 2) {
    throw new SettingsError(nameOf('heartbeatMs'), `expected less than half of ${nameOf('leaseMs')}, so that one missed heartbeat does no harm`)
  }
  return parsed
}

function expectation ({ message, schema }: { message: string, schema: Record<string, unknown> }): string {
  const description = schema['description']
  return typeof description === 'string' ? `${message}. ${description}` : message
}
