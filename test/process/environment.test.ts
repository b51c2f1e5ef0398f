import { join } from 'node:path'
import t from 'tap'
import { createCertificates } from '../helpers/certificates.ts'
import { variables } from '../../src/environment.ts'
import { KeyPair, pem } from '../helpers/key-pair.ts'
import { defaults, read, refusal } from './reading.ts'

const KEY = 'k'.repeat(32)
const OTHER_KEY = 'A-key_with-every-kind-of-character-0123456789'
const REDIS_URL = 'redis://127.0.0.1:6379'
const SENTINELS = { REDIS_SENTINELS: 'sentinel-1:26379' }
const SECRET = 's'.repeat(32)
const JWKS_URL = 'https://issuer.example/.well-known/jwks.json'
const pair = new KeyPair('ES384')
const PEM = pair.publicPem
const { caFile } = await createCertificates(t)

function short (text: string): string {
  const line = text.replaceAll('\n', ' ')
  return line.length > 60 ? `${line.slice(0, 60)}…` : line
}

/** Variable, text, the settings that differ from the defaults for it, and what else must be set. */
const good: ReadonlyArray<readonly [variable: string, text: string, settings: Record<string, unknown>, needs?: Record<string, string>]> = [
  ['PORT', '0', { port: 0 }],
  ['PORT', '65535', { port: 65_535 }],
  ['HOST', '::1', { host: '::1' }],
  ['LOG_LEVEL', 'silent', { logLevel: 'silent' }],
  ['TRUST_PROXY', 'true', { trustProxy: true }],
  ['TRUST_PROXY', 'false', {}],
  ['TRUST_PROXY', '10.0.0.7, 10.1.0.0/16,fd00::/8,::1', { trustProxy: ['10.0.0.7', '10.1.0.0/16', 'fd00::/8', '::1'] }],
  ['REDIS_URL', 'redis://127.0.0.1:6379/1', { redisUrl: 'redis://127.0.0.1:6379/1' }],
  ['REDIS_URL', 'rediss://user:pass@[::1]:6380', { redisUrl: 'rediss://user:pass@[::1]:6380' }],
  ['REDIS_CLUSTER_NODES', '127.0.0.1:7000, [::1]:7001', { redisClusterNodes: ['127.0.0.1:7000', '[::1]:7001'] }],
  ['REDIS_CLUSTER_NODES', 'redis-0.redis:6379', { redisUrl: 'rediss://user:pass@cluster', redisClusterNodes: ['redis-0.redis:6379'] }, { REDIS_URL: 'rediss://user:pass@cluster' }],
  ['REDIS_SENTINELS', '127.0.0.1:26379, [::1]:26380', { redisSentinels: ['127.0.0.1:26379', '[::1]:26380'], redisSentinelName: 'mymaster' }, { REDIS_SENTINEL_NAME: 'mymaster' }],
  ['REDIS_SENTINEL_NAME', 'My_master.1', { redisSentinels: ['sentinel-1:26379'], redisSentinelName: 'My_master.1' }, SENTINELS],
  ['REDIS_SENTINEL_USER', 'us:er@home', {
    redisSentinels: ['sentinel-1:26379'], redisSentinelName: 'mymaster', redisSentinelUser: 'us:er@home', redisSentinelPassword: 'hunter2'
  }, { ...SENTINELS, REDIS_SENTINEL_NAME: 'mymaster', REDIS_SENTINEL_PASSWORD: 'hunter2' }],
  ['REDIS_SENTINEL_PASSWORD', 'hunter2', { redisSentinels: ['sentinel-1:26379'], redisSentinelName: 'mymaster', redisSentinelPassword: 'hunter2' }, { ...SENTINELS, REDIS_SENTINEL_NAME: 'mymaster' }],
  ['REDIS_URL', 'rediss://user:pass@mymaster/1', {
    redisUrl: 'rediss://user:pass@mymaster/1', redisSentinels: ['sentinel-1:26379'], redisSentinelName: 'mymaster'
  }, { ...SENTINELS, REDIS_SENTINEL_NAME: 'mymaster' }],
  ['REDIS_CA_FILE', caFile, { redisUrl: 'rediss://127.0.0.1', redisCaFile: caFile }, { REDIS_URL: 'rediss://127.0.0.1' }],
  ['KEY_PREFIX', 'shop.live:v1_a-b', { keyPrefix: 'shop.live:v1_a-b' }],
  ['NODE_NAME', 'n'.repeat(128), { nodeName: 'n'.repeat(128) }],
  ['JWT_SECRET', SECRET, { jwtSecret: SECRET }],
  ['JWT_SECRET', 'ü'.repeat(16), { jwtSecret: 'ü'.repeat(16) }],
  ['JWT_PUBLIC_KEY', PEM, { jwtPublicKey: PEM, jwtAlgorithm: 'ES384' }],
  ['JWT_PUBLIC_KEY', PEM.replaceAll('\n', '\\n'), { jwtPublicKey: PEM, jwtAlgorithm: 'ES384' }],
  ['JWT_JWKS_URL', JWKS_URL, { jwtJwksUrl: JWKS_URL, jwtAlgorithm: 'RS256' }],
  ['JWT_JWKS_URL', 'http://[::1]:8080/keys?tenant=1', { jwtJwksUrl: 'http://[::1]:8080/keys?tenant=1', jwtAlgorithm: 'RS256' }],
  ['JWT_ALGORITHM', 'HS512', { jwtAlgorithm: 'HS512' }],
  ['JWT_ALGORITHM', 'EdDSA', { jwtAlgorithm: 'EdDSA', jwtJwksUrl: JWKS_URL }, { JWT_JWKS_URL: JWKS_URL }],
  ['JWT_AUDIENCE', 'app', { jwtAudience: 'app' }],
  ['JWT_ISSUER', 'https://issuer.example', { jwtIssuer: 'https://issuer.example' }],
  ['API_KEYS', `orders:${KEY}`, { apiKeys: [{ name: 'orders', key: KEY }] }],
  ['API_KEYS', `orders:${KEY}, orders:${OTHER_KEY}`, { apiKeys: [{ name: 'orders', key: KEY }, { name: 'orders', key: OTHER_KEY }] }],
  ['API_KEYS', `orders:${KEY}:publish`, { apiKeys: [{ name: 'orders', key: KEY, scopes: ['publish'] }] }],
  ['API_KEYS', `support:${KEY}:presence:read`, { apiKeys: [{ name: 'support', key: KEY, scopes: ['presence:read'] }] }],
  ['API_KEYS', `both:${KEY}:publish+presence:read`, { apiKeys: [{ name: 'both', key: KEY, scopes: ['publish', 'presence:read'] }] }],
  ['ALLOWED_ORIGINS', 'https://app.example, http://127.0.0.1:8080', { allowedOrigins: ['https://app.example', 'http://127.0.0.1:8080'] }],
  ['CORS_ORIGINS', 'https://console.example,http://localhost:5173', { corsOrigins: ['https://console.example', 'http://localhost:5173'] }],
  ['ROOMS', '[{"pattern":"chat:*"}]', { rooms: [{ pattern: 'chat:*' }] }],
  ['BRIDGE', 'legacy:orders=orders, alerts=$all,a==b', {
    redisUrl: REDIS_URL,
    bridge: [{ channel: 'legacy:orders', room: 'orders' }, { channel: 'alerts', room: '$all' }, { channel: 'a', room: '=b' }]
  }, { REDIS_URL }],
  ['PING_INTERVAL_MS', '1000', { pingIntervalMs: 1_000 }],
  ['PONG_TIMEOUT_MS', '1000', { pongTimeoutMs: 1_000 }],
  ['HEARTBEAT_MS', '4999', { heartbeatMs: 4_999 }],
  ['LEASE_MS', '6001', { leaseMs: 6_001 }],
  ['MAX_FRAME_BYTES', '1024', { maxFrameBytes: 1_024 }],
  ['MAX_BUFFERED_BYTES', '65536', { maxBufferedBytes: 65_536 }],
  ['MAX_TOTAL_BUFFERED_BYTES', '1048576', { maxTotalBufferedBytes: 1_048_576 }],
  ['MAX_FRAMES_PER_SECOND', '1', { maxFramesPerSecond: 1 }],
  ['FRAME_BURST', '1000000', { frameBurst: 1_000_000 }],
  ['MAX_UPGRADES_PER_SECOND', '0', { maxUpgradesPerSecond: 0 }],
  ['MAX_CONNECTIONS', '1', { maxConnections: 1 }],
  ['MAX_CONNECTIONS_PER_ADDRESS', '5', { maxConnectionsPerAddress: 5 }],
  ['MAX_ROOMS_PER_CONNECTION', '1', { maxRoomsPerConnection: 1 }],
  ['MAX_CONNECTIONS_PER_USER', '1', { maxConnectionsPerUser: 1 }],
  ['METRICS_ACCESS', 'open', { metricsAccess: 'open' }], ['CONSOLE', 'false', { console: false }],
  ['CONNECTIONS_PER_USER_POLICY', 'replace', { connectionsPerUserPolicy: 'replace' }],
  ['DRAIN_MS', '0', { drainMs: 0 }],
  ['SHUTDOWN_GRACE_MS', '600000', { shutdownGraceMs: 600_000 }],
  ['ROOMS', '[{"pattern":"feed","presence":false}]', { rooms: [{ pattern: 'feed', presence: false }] }],
  ['ROOMS', '[{"pattern":"feed","slow":"latest"}]', { rooms: [{ pattern: 'feed', slow: 'latest' }] }],
  ['ROOMS', '[{"pattern":"feed","slow":"disconnect"}]', { rooms: [{ pattern: 'feed', slow: 'disconnect' }] }]
]

/** Variable, text, what the message must say beside "expected", and a part of the text that it must not hold. */
const wrong: ReadonlyArray<readonly [variable: string, text: string, says: RegExp, secret?: string]> = [
  ['PORT', 'abc', /integer/],
  ['PORT', '70000', /65535/],
  ['PORT', '-1', /\b0\b/],
  ['PORT', '30.5', /integer/],
  ['LOG_LEVEL', 'loud', /trace, debug, info, warn, error, fatal or silent/],
  ['TRUST_PROXY', 'maybe', /true, false, or addresses.*not maybe/],
  ['TRUST_PROXY', '1', /not 1$/],
  ['TRUST_PROXY', '10.0.0.0/33', /not 10\.0\.0\.0\/33/],
  ['TRUST_PROXY', '10.0.0.0/', /not 10\.0\.0\.0\//],
  ['TRUST_PROXY', 'fd00::/129', /not fd00/],
  ['TRUST_PROXY', '10.0.0.1,', /addresses/],
  ['REDIS_URL', 'http://user:hunter2@x', /rediss?:/, 'hunter2'],
  ['REDIS_URL', 'redis://user:hunter2@127.0.0.1:port', /URL/, 'hunter2'],
  ['REDIS_CLUSTER_NODES', '127.0.0.1', /match/],
  ['REDIS_CLUSTER_NODES', '127.0.0.1:99999', /expected host:port, not 127\.0\.0\.1:99999/],
  ['REDIS_CLUSTER_NODES', 'user:hunter2@127.0.0.1:7000', /match/, 'hunter2'],
  ['REDIS_SENTINELS', '127.0.0.1:26379', /REDIS_SENTINEL_NAME/],
  ['REDIS_SENTINELS', '127.0.0.1', /match/],
  ['REDIS_SENTINELS', '127.0.0.1:26379,', /match/],
  ['REDIS_SENTINELS', '::1:26379', /match/],
  ['REDIS_SENTINELS', 'user:hunter2@127.0.0.1:26379', /match/, 'hunter2'],
  ['REDIS_SENTINEL_NAME', 'mymaster', /REDIS_SENTINELS/],
  ['REDIS_SENTINEL_NAME', 'my master', /match/],
  ['REDIS_SENTINEL_USER', 'roomcast', /REDIS_SENTINELS/],
  ['REDIS_SENTINEL_PASSWORD', 'hunter2', /REDIS_SENTINELS/, 'hunter2'],
  ['REDIS_CA_FILE', caFile, /REDIS_URL.*rediss:/],
  ['KEY_PREFIX', 'a{b', /A-Za-z0-9/],
  ['KEY_PREFIX', 'k'.repeat(65), /64/],
  ['NODE_NAME', 'n'.repeat(129), /128/],
  ['JWT_SECRET', 'hunter2'.repeat(4), /32 bytes/, 'hunter2'],
  ['JWT_SECRET', PEM, /JWT_PUBLIC_KEY/],
  ['JWT_PUBLIC_KEY', pem(pair.privateKey), /public key/, pem(pair.privateKey).slice(30, 80)],
  ['JWT_PUBLIC_KEY', PEM.replace('EC', 'EX').slice(0, 100), /PEM/],
  ['JWT_PUBLIC_KEY', '/nowhere/hunter2.pem', /path of a file.*ENOENT/, 'hunter2'],
  ['JWT_JWKS_URL', 'http://issuer.example/keys', /https/],
  ['JWT_JWKS_URL', 'https://user:hunter2@issuer.example/keys', /user/, 'hunter2'],
  ['JWT_JWKS_URL', 'issuer.example', /https/],
  ['JWT_JWKS_URL', 'file:///keys.json', /https/],
  ['JWT_JWKS_URL', 'http://127.0.0.1.issuer.example/keys', /loopback/],
  ['JWT_ALGORITHM', 'RS256', /HS256.*HS384.*HS512.*JWT_PUBLIC_KEY.*JWT_JWKS_URL/],
  ['JWT_ALGORITHM', 'none', /HS256.*HS384.*HS512.*RS256.*PS512.*ES512.*EdDSA/],
  ['JWT_ALGORITHM', 'hs256', /HS256/],
  ['API_KEYS', 'orders', /key/],
  ['API_KEYS', 'orders:hunter2', /32/, 'hunter2'],
  ['API_KEYS', `:${KEY}`, /name/, KEY],
  ['API_KEYS', `orders:${KEY}:everything`, /publish.*presence:read/, KEY],
  ['API_KEYS', `orders:${KEY}:publish:everything`, /scope/, KEY],
  ['API_KEYS', `orders:${KEY},support:hunter2`, /32/, 'hunter2'],
  ['ALLOWED_ORIGINS', 'app.example', /:\/\//],
  ['ALLOWED_ORIGINS', '*', /:\/\//],
  ['ALLOWED_ORIGINS', 'https://*.example', /:\/\//],
  ['ALLOWED_ORIGINS', 'https://app.example/chat', /:\/\//],
  ['ALLOWED_ORIGINS', 'https://app.example,', /:\/\//],
  ['CORS_ORIGINS', '*', /:\/\//],
  ['CORS_ORIGINS', 'null', /:\/\//],
  ['CORS_ORIGINS', 'https://*.example', /:\/\//],
  ['CORS_ORIGINS', 'https://Console.example', /origins as browsers send them/],
  ['CORS_ORIGINS', 'https://console.example:443', /origins as browsers send them/],
  ['ROOMS', 'chat:*', /JSON array or the path/],
  ['ROOMS', '[{"pattern":"chat:*"', /JSON array/],
  ['ROOMS', '{"pattern":"chat:*"}', /array/],
  ['ROOMS', '"chat:*"', /array/],
  ['ROOMS', '[{"pattern":7}]', /string.*pattern/],
  ['ROOMS', '[{"room":"chat:*"}]', /pattern/],
  ['ROOMS', '[{"pattern":"chat:*","slow":"newest"}]', /disconnect, latest \(at 0\.slow\)/],
  ['ROOMS', '.', /JSON array or the path/],
  ['BRIDGE', 'orders', /room/],
  ['BRIDGE', '=orders', /channel/],
  ['BRIDGE', 'legacy=orders', /Redis/],
  ['PING_INTERVAL_MS', '25s', /integer/],
  ['PING_INTERVAL_MS', '999', /1000/],
  ['PONG_TIMEOUT_MS', '999', /1000/],
  ['HEARTBEAT_MS', '99', /100/],
  ['HEARTBEAT_MS', '5000', /less than half of LEASE_MS/],
  ['LEASE_MS', '299', /300/],
  ['MAX_FRAME_BYTES', '1023', /1024/],
  ['MAX_BUFFERED_BYTES', '65535', /65536/],
  ['MAX_TOTAL_BUFFERED_BYTES', '1048575', /1048576/],
  ['MAX_FRAMES_PER_SECOND', '0', /1/],
  ['FRAME_BURST', '0', /1/],
  ['MAX_UPGRADES_PER_SECOND', '-1', /\b0\b/],
  ['MAX_CONNECTIONS', '0', /1/],
  ['MAX_CONNECTIONS_PER_ADDRESS', '-1', /\b0\b/],
  ['MAX_ROOMS_PER_CONNECTION', '0', /1/],
  ['MAX_CONNECTIONS_PER_USER', '0', /1/],
  ['METRICS_ACCESS', 'closed', /scope, open/], ['CONSOLE', 'yes', /boolean/], ['CONNECTIONS_PER_USER_POLICY', 'ignore', /refuse, replace/],
  ['DRAIN_MS', '-1', /\b0\b/],
  ['SHUTDOWN_GRACE_MS', '600001', /600000/]
]

/** Any text but the empty one is good here. */
const free = ['HOST', 'JWT_AUDIENCE', 'JWT_ISSUER']

t.test('with nothing set every setting has its default', async t => {
  t.same(read({}), defaults)
})

for (const [variable, text, settings, needs = {}] of good) {
  t.test(`${variable} can be ${short(text)}`, async t => {
    t.same(read({ ...needs, [variable]: text }), { ...defaults, ...settings })
  })
}

for (const [variable, text, says, secret] of wrong) {
  t.test(`${variable} cannot be ${short(text)}`, async t => {
    const message = refusal({ [variable]: text })
    t.ok(message.startsWith(`${variable}: `), `"${message}" begins with the name`)
    t.match(message, /(?:un)?expected/i, 'it says what was expected')
    t.match(message, says)
    if (secret !== undefined) t.notOk(message.includes(secret), 'it holds no secret')
  })
}

t.test('every variable has a good value here, and a wrong one if it can have any', async t => {
  t.same(new Set(good.map(([variable]) => variable)), new Set(variables.keys()))
  t.same(new Set([...wrong.map(([variable]) => variable), ...free]), new Set(variables.keys()))
})

t.test('an empty variable counts as absent', async t => {
  for (const variable of variables.keys()) t.same(read({ [variable]: '' }), defaults, variable)
})

t.test('P32: a lease that is too short for the heartbeat is refused by the name of the heartbeat', async t => {
  t.match(refusal({ LEASE_MS: '6000' }), /^HEARTBEAT_MS: expected less than half of LEASE_MS/)
  t.same(read({ LEASE_MS: '1000', HEARTBEAT_MS: '499' }), { ...defaults, leaseMs: 1_000, heartbeatMs: 499 })
})

t.test('variables that are not ours are left alone', async t => {
  t.same(read({ PORTS: 'abc', npm_config_port: 'abc', NODE_ENV: 'production' }), defaults)
})

t.test('ROOMS can be the path of a JSON file', async t => {
  const folder = t.testdir({ 'rooms.json': '[{"pattern":"chat:*"},{"pattern":"*"}]\n', 'broken.json': '[{', 'wrong.json': '[{"pattern":7}]' })
  t.same(read({ ROOMS: join(folder, 'rooms.json') }), { ...defaults, rooms: [{ pattern: 'chat:*' }, { pattern: '*' }] })
  t.match(refusal({ ROOMS: join(folder, 'broken.json') }), /^ROOMS: expected a JSON array/)
  t.match(refusal({ ROOMS: join(folder, 'wrong.json') }), /^ROOMS: Expected string .*pattern/)
  t.match(refusal({ ROOMS: join(folder, 'missing.json') }), /^ROOMS: expected a JSON array or the path of a file/)
})

t.test('BRIDGE takes channels of others to rooms that clients may have', async t => {
  for (const [text, says] of [
    ['roomcast@0:{r:lobby}:live=lobby', /channels of others/], ['a=$control', /name of a room/], ['a=$user:alice', /name of a room/], ['a=', /name of a room/]
  ] as const) {
    t.match(refusal({ REDIS_URL, BRIDGE: text }), says, text)
  }
})
