import { hostname } from 'node:os'
import { Type, type Static, type TObject, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { FastifyRequest } from 'fastify'
import type { Claims } from './core/claims.ts'
import type { Authorize, OnPublish } from './core/gatekeeper.ts'
import { KEY_PREFIX_PATTERN } from './redis/redis-keys.ts'
import { assertRedisSettings } from './redis-settings.ts'
import { SettingsError } from './settings-error.ts'
import { chooseAlgorithm } from './token-settings.ts'
import { tokenAlgorithms } from './tokens/algorithms.ts'

export { SettingsError } from './settings-error.ts'

/** What an API key or a token's `scope` may allow over REST. */
export const scopes = ['publish', 'presence:read', 'rooms:read', 'history:read', 'history:delete', 'members:write', 'connections:write', 'revoke', 'nodes:read', 'metrics', 'console'] as const

export type Scope = typeof scopes[number]

const closed = { additionalProperties: false }

/** Longest time that may be set: an hour, in milliseconds. */
const MAX_DURATION_MS = 3_600_000

export const ApiKeySchema = Type.Object({
  /** For logs; the same name twice lets a key be rotated. */
  name: Type.String({ minLength: 1 }),
  key: Type.String({ pattern: '^[A-Za-z0-9_-]{32,}$' }),
  /** Absent: every scope. */
  scopes: Type.Optional(Type.Array(Type.Union(scopes.map(scope => Type.Literal(scope))), { minItems: 1 }))
}, closed)

export type ApiKey = Static<typeof ApiKeySchema>

export const RoomPolicySchema = Type.Object({
  pattern: Type.String({ minLength: 1, maxLength: 200 }),
  history: Type.Optional(Type.Object({
    /** How many publications are kept; 100 unless set, 0 keeps none. */
    size: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
    /** For how long; 300,000 unless set. */
    ttlMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000 }))
  }, closed)),
  /** Whether who is in these rooms is kept and told; on unless set. */
  presence: Type.Optional(Type.Boolean()),
  /** What becomes of a connection that does not read as fast as these rooms publish; it is disconnected unless set. */
  slow: Type.Optional(Type.Union([Type.Literal('disconnect'), Type.Literal('latest')]))
}, closed)

export type RoomPolicy = Static<typeof RoomPolicySchema>

export const BridgeRouteSchema = Type.Object({
  /** A plain Redis channel, as others PUBLISH on it. */
  channel: Type.String({ minLength: 1 }),
  /** Where it is delivered; `$all` for everyone. */
  room: Type.String()
}, closed)

/** Never `*`, whole or in part: who may come is a list of names. */
const OriginSchema = Type.String({ pattern: '^[a-z][a-z0-9+.-]*://[^/?#*]+$' })

const AddressSchema = Type.String({ pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$' })

/**
 * Every setting of Roomcast that is data: its type, default and unit, and the environment variable that sets it for the process.
 * `.env.example` and docs/operations.md are tested against this.
 */
export const SettingsSchema = Type.Object({
  redisUrl: Type.Optional(Type.String({
    pattern: '^rediss?://', env: 'REDIS_URL', description: 'redis:// or rediss:// URL; absent: one process, in memory'
  })),
  redisClusterNodes: Type.Optional(Type.Array(AddressSchema, {
    minItems: 1, env: 'REDIS_CLUSTER_NODES', description: 'host:port of some nodes of a Redis Cluster, which tell the others, comma-separated, IPv6 in brackets'
  })),
  redisSentinels: Type.Optional(Type.Array(AddressSchema, {
    minItems: 1, env: 'REDIS_SENTINELS', description: 'host:port of the Sentinels that say where Redis is, comma-separated, IPv6 in brackets'
  })),
  redisSentinelName: Type.Optional(Type.String({
    pattern: '^[A-Za-z0-9._-]+$', env: 'REDIS_SENTINEL_NAME', description: 'What the Sentinels call the master'
  })),
  redisSentinelUser: Type.Optional(Type.String({
    minLength: 1, env: 'REDIS_SENTINEL_USER', description: 'User of the Sentinels themselves; absent: their default one'
  })),
  redisSentinelPassword: Type.Optional(Type.String({
    minLength: 1, env: 'REDIS_SENTINEL_PASSWORD', description: 'Password of the Sentinels themselves; that of Redis is in its URL'
  })),
  redisCaFile: Type.Optional(Type.String({
    minLength: 1, env: 'REDIS_CA_FILE', description: 'PEM file of the authority that vouches for a rediss:// Redis; absent: those that Node.js trusts'
  })),
  keyPrefix: Type.String({
    default: 'roomcast', pattern: KEY_PREFIX_PATTERN, env: 'KEY_PREFIX', description: 'Keeps clusters on one Redis apart, pub/sub included'
  }),
  nodeName: Type.String({ default: hostname(), minLength: 1, maxLength: 128, env: 'NODE_NAME', description: 'Names this node for people' }),
  jwtSecret: Type.Optional(Type.String({ minLength: 1, env: 'JWT_SECRET', description: 'Secret of the tokens, at least 32 bytes' })),
  jwtPublicKey: Type.Optional(Type.String({
    minLength: 1, env: 'JWT_PUBLIC_KEY', description: 'Public key of who signs the tokens, instead of a secret: PEM, or in the environment the path of a PEM file'
  })),
  jwtJwksUrl: Type.Optional(Type.String({
    minLength: 1, env: 'JWT_JWKS_URL', description: 'https URL of the key set of who signs the tokens, instead of a secret'
  })),
  jwtAlgorithm: Type.Union(tokenAlgorithms.map(algorithm => Type.Literal(algorithm)), {
    default: 'HS256', env: 'JWT_ALGORITHM', description: 'The only algorithm that tokens may have; absent: that of the public key, RS256 with a key set'
  }),
  jwtAudience: Type.Optional(Type.String({ minLength: 1, env: 'JWT_AUDIENCE', description: 'What `aud` must hold; absent: not checked' })),
  jwtIssuer: Type.Optional(Type.String({ minLength: 1, env: 'JWT_ISSUER', description: 'What `iss` must be; absent: not checked' })),
  apiKeys: Type.Array(ApiKeySchema, {
    default: [], env: 'API_KEYS', description: 'name:key[:scope+scope], comma-separated; a key has at least 32 characters of A-Z a-z 0-9 _ -'
  }),
  allowedOrigins: Type.Optional(Type.Array(OriginSchema, {
    env: 'ALLOWED_ORIGINS', description: 'Origins of browsers that may connect, comma-separated; absent: the same origin only'
  })),
  corsOrigins: Type.Optional(Type.Array(OriginSchema, {
    env: 'CORS_ORIGINS', description: 'Origins of pages that may use the REST routes, comma-separated; absent: no CORS headers'
  })),
  rooms: Type.Array(RoomPolicySchema, {
    default: [], env: 'ROOMS', description: 'Policies by pattern, the first match wins: JSON, or the path of a JSON file'
  }),
  bridge: Type.Array(BridgeRouteSchema, {
    default: [], env: 'BRIDGE', description: 'channel=room, comma-separated: what others publish on these Redis channels is delivered to these rooms'
  }),
  pingIntervalMs: Type.Integer({ default: 25_000, minimum: 1_000, maximum: MAX_DURATION_MS, env: 'PING_INTERVAL_MS', description: 'Silence after which a connection is pinged' }),
  pongTimeoutMs: Type.Integer({ default: 10_000, minimum: 1_000, maximum: MAX_DURATION_MS, env: 'PONG_TIMEOUT_MS', description: 'How long it may then stay silent' }),
  heartbeatMs: Type.Integer({ default: 3_000, minimum: 100, maximum: MAX_DURATION_MS, env: 'HEARTBEAT_MS', description: 'How often a node renews its lease; less than half of it' }),
  leaseMs: Type.Integer({ default: 10_000, minimum: 300, maximum: MAX_DURATION_MS, env: 'LEASE_MS', description: 'How long a dead node\'s users stay online' }),
  maxFrameBytes: Type.Integer({ default: 65_536, minimum: 1_024, env: 'MAX_FRAME_BYTES', description: 'Largest frame and largest REST body' }),
  maxBufferedBytes: Type.Integer({
    default: 1_048_576, minimum: 65_536, env: 'MAX_BUFFERED_BYTES', description: 'High-water mark: bytes that may wait in one socket'
  }),
  maxTotalBufferedBytes: Type.Integer({
    default: 268_435_456, minimum: 1_048_576, env: 'MAX_TOTAL_BUFFERED_BYTES', description: 'Bytes that may wait in all sockets together'
  }),
  maxFramesPerSecond: Type.Integer({
    default: 100, minimum: 1, maximum: 1_000_000, env: 'MAX_FRAMES_PER_SECOND', description: 'Frames that one connection may send a second, in the long run'
  }),
  frameBurst: Type.Integer({
    default: 2_000, minimum: 1, maximum: 1_000_000, env: 'FRAME_BURST', description: 'Frames that one connection may send at once'
  }),
  maxUpgradesPerSecond: Type.Integer({
    default: 1_000, minimum: 0, maximum: 100_000, env: 'MAX_UPGRADES_PER_SECOND', description: 'Attempts to connect a second from one address, ten times as many at once; 0: any number'
  }),
  maxConnections: Type.Integer({
    default: 100_000, minimum: 1, maximum: 10_000_000, env: 'MAX_CONNECTIONS', description: 'Connections of this node'
  }),
  maxConnectionsPerAddress: Type.Integer({
    default: 0, minimum: 0, maximum: 10_000_000, env: 'MAX_CONNECTIONS_PER_ADDRESS', description: 'Connections from one address to this node; 0: any number'
  }),
  maxRoomsPerConnection: Type.Integer({
    default: 1_000, minimum: 1, maximum: 100_000, env: 'MAX_ROOMS_PER_CONNECTION', description: 'Rooms that one connection may ask for at a time'
  }),
  maxConnectionsPerUser: Type.Integer({
    default: 100, minimum: 1, maximum: 100_000, env: 'MAX_CONNECTIONS_PER_USER', description: 'Connections that one user may have at a time, on all nodes together'
  }),
  connectionsPerUserPolicy: Type.Union([Type.Literal('refuse'), Type.Literal('replace')], {
    default: 'refuse', env: 'CONNECTIONS_PER_USER_POLICY', description: 'Whether one more is refused, or replaces the oldest'
  }),
  drainMs: Type.Integer({ default: 3_000, minimum: 0, maximum: 5_000, env: 'DRAIN_MS', description: 'How long a shutdown waits for frames under way' }),
  shutdownGraceMs: Type.Integer({
    default: 0, minimum: 0, maximum: 600_000, env: 'SHUTDOWN_GRACE_MS', description: 'How long presence outlives a shutdown, for rolling restarts'
  }),
  metricsAccess: Type.Union([Type.Literal('scope'), Type.Literal('open')], {
    default: 'scope', env: 'METRICS_ACCESS', description: 'Whether /metrics needs a key with the scope metrics, or is open to whoever reaches this address'
  }),
  metrics: Type.Boolean({ default: false, description: 'Whether /metrics is served; the process always does' }),
  console: Type.Optional(Type.Boolean({
    env: 'CONSOLE', description: 'true or false: whether the console is served at /console; absent: only by a process on its development credentials'
  })),
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

/**
 * Fills in the defaults and checks everything.
 * @param nameOf how the reader calls a setting: by its option, or by its environment variable
 * @throws SettingsError naming the setting and what was expected
 */
export function parseSettings (options: Partial<Settings>, nameOf: (setting: string) => string = setting => setting): Settings {
  const settings = withDefaults(SettingsSchema, options)
  assertSettings(SettingsSchema, settings, nameOf)
  settings.jwtAlgorithm = chooseAlgorithm(settings, options.jwtAlgorithm, nameOf)
  assertRedisSettings(settings, nameOf)
  for (const setting of ['allowedOrigins', 'corsOrigins'] as const) {
    const wrong = settings[setting]?.find(origin => !isOrigin(origin))
    if (wrong !== undefined) throw new SettingsError(nameOf(setting), `expected origins as browsers send them, such as https://app.example.com, not ${wrong}`)
  }
  if (settings.heartbeatMs >= settings.leaseMs / 2) {
    throw new SettingsError(nameOf('heartbeatMs'), `expected less than half of ${nameOf('leaseMs')}, so that one missed heartbeat does no harm`)
  }
  return settings
}

/** What was given, with the schema's defaults for what was not. */
export function withDefaults<Schema extends TObject> (schema: Schema, given: object): Static<Schema> {
  const values = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  for (const [name, { default: value }] of Object.entries(schema.properties)) {
    if (!(name in values) && value !== undefined) values[name] = structuredClone(value)
  }
  return values as Static<Schema>
}

/** @throws SettingsError for the first value that the schema refuses */
export function assertSettings (schema: TObject, settings: object, nameOf: (setting: string) => string): void {
  const error = Value.Errors(schema, settings).First()
  if (error === undefined) return
  const [setting = '', ...rest] = error.path.slice(1).split('/')
  const place = rest.length === 0 ? '' : ` (at ${rest.join('.')})`
  const { description } = schema.properties[setting] ?? {}
  throw new SettingsError(nameOf(setting), `${expectation(error)}${place}${description === undefined ? '' : `. ${description}`}`)
}

function expectation ({ message, schema }: { message: string, schema: TSchema }): string {
  const choices: unknown = schema['anyOf']
  if (!Array.isArray(choices)) return message
  return `Expected one of ${choices.map((choice: TSchema) => String(choice['const'])).join(', ')}`
}

/** Whether a browser could send this as an origin: upper case, default ports and paths never match. */
function isOrigin (origin: string): boolean {
  return !/^https?:/.test(origin) || (URL.canParse(origin) && new URL(origin).origin === origin)
}
