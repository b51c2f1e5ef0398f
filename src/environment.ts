import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { assertSettings, parseSettings, SettingsError, withDefaults, SettingsSchema, type Settings } from './config.ts'

/** What concerns the process, not the plugin. */
export const ProcessSchema = Type.Object({
  port: Type.Integer({ default: 3_000, minimum: 0, maximum: 65_535, env: 'PORT', description: 'Port to listen on; 0: any free one' }),
  host: Type.String({ default: '127.0.0.1', minLength: 1, env: 'HOST', description: 'Address to listen on' }),
  logLevel: Type.Union(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map(level => Type.Literal(level)), {
    default: 'info', env: 'LOG_LEVEL', description: 'trace, debug, info, warn, error, fatal or silent'
  }),
  trustProxy: Type.Union([Type.Boolean(), Type.Array(Type.String())], {
    default: false, env: 'TRUST_PROXY', description: 'true, or the addresses of the proxies, comma-separated, as CIDR where they are many: their X-Forwarded-For is then taken for addresses'
  })
})

export type ProcessSettings = Static<typeof ProcessSchema>

/** Every environment variable that Roomcast reads, with the schema of what it sets. */
export const variables: ReadonlyMap<string, TSchema> = new Map(
  [...Object.values(ProcessSchema.properties), ...Object.values(SettingsSchema.properties)]
    .flatMap((schema: TSchema) => typeof schema['env'] === 'string' ? [[schema['env'], schema] as const] : [])
)

/**
 * Reads the environment. An empty variable counts as absent.
 * @throws SettingsError naming the variable and what was expected
 */
export function readEnvironment (env: NodeJS.ProcessEnv): { process: ProcessSettings, settings: Settings } {
  const processSettings = withDefaults(ProcessSchema, valuesOf(ProcessSchema.properties, env))
  assertSettings(ProcessSchema, processSettings, setting => variableOf(ProcessSchema.properties, setting))
  assertProxies(processSettings.trustProxy)
  const settings = parseSettings(valuesOf(SettingsSchema.properties, env), setting => variableOf(SettingsSchema.properties, setting))
  return { process: processSettings, settings }
}

function assertProxies (trustProxy: ProcessSettings['trustProxy']): void {
  const wrong = Array.isArray(trustProxy) ? trustProxy.find(range => !isRange(range)) : undefined
  if (wrong !== undefined) throw new SettingsError('TRUST_PROXY', `expected true, false, or addresses such as 10.0.0.7 and 10.0.0.0/8, not ${wrong}`)
}

/** Whether a text is an IP address, or as many of its first bits as count (RFC 4632). */
function isRange (text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

/** Loads `.env` from the working folder, if there is one; what the environment holds already wins. */
export function loadEnvironmentFile (): void {
  if (existsSync('.env')) process.loadEnvFile('.env')
}

function variableOf (properties: Record<string, TSchema>, setting: string): string {
  return String(properties[setting]?.['env'] ?? setting)
}

function valuesOf (properties: Record<string, TSchema>, env: NodeJS.ProcessEnv): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [setting, schema] of Object.entries(properties)) {
    const name = schema['env']
    const text = typeof name === 'string' ? env[name] : undefined
    if (typeof name === 'string' && text !== undefined && text !== '') values[setting] = valueOf(name, text, schema)
  }
  return values
}

/** The value that a variable's text stands for; what it cannot stand for is left as text, for the schema to refuse. */
function valueOf (name: string, text: string, schema: TSchema): unknown {
  switch (name) {
    case 'JWT_PUBLIC_KEY': return readPem(text)
    case 'API_KEYS': return text.split(',').map(parseApiKey)
    case 'ROOMS': return parseRooms(text)
    case 'BRIDGE': return text.split(',').map(parseBridgeRoute)
    case 'REDIS_CLUSTER_NODES':
    case 'REDIS_SENTINELS':
    case 'ALLOWED_ORIGINS':
    case 'CORS_ORIGINS': return text.split(',').map(item => item.trim())
    case 'TRUST_PROXY': return text === 'true' || text === 'false' ? text === 'true' : text.split(',').map(range => range.trim())
    default: break
  }
  if (schema['type'] === 'integer') return /^-?\d+$/.test(text) ? Number(text) : text
  if (schema['type'] === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}

/** A PEM as it is, or on one line with `\\n` for each end of a line, as many environments can only hold it; or the path of a file. */
function readPem (text: string): string {
  if (text.includes('-----BEGIN')) return text.replaceAll('\\n', '\n')
  try {
    return readFileSync(text, 'utf8')
  } catch (error) {
    // Not the whole message: it repeats the text, which may be another secret by mistake.
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new SettingsError('JWT_PUBLIC_KEY', `expected a PEM or the path of a file that holds one (${code})`)
  }
}

function parseApiKey (text: string): Record<string, unknown> {
  // Scopes hold colons themselves.
  const [name, key, ...scopes] = text.trim().split(':')
  return { name, ...key !== undefined && { key }, ...scopes.length > 0 && { scopes: scopes.join(':').split('+') } }
}

function parseBridgeRoute (text: string): Record<string, unknown> {
  const [channel = '', ...room] = text.trim().split('=')
  return { channel, ...room.length > 0 && { room: room.join('=') } }
}

function parseRooms (text: string): unknown {
  try {
    const json = !text.trimStart().startsWith('[') && existsSync(text) ? readFileSync(text, 'utf8') : text
    return JSON.parse(json) as unknown
  } catch (cause) {
    throw new SettingsError('ROOMS', `expected a JSON array or the path of a file that holds one (${cause instanceof Error ? cause.message : ''})`)
  }
}
