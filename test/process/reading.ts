import { hostname } from 'node:os'
import { SettingsError } from '../../src/config.ts'
import { readEnvironment } from '../../src/environment.ts'
import { refusalOf } from '../helpers/refusal.ts'

/** What an environment comes to. */
export function read (env: Record<string, string>): Record<string, unknown> {
  const { process, settings } = readEnvironment(env)
  return { ...process, ...settings }
}

/** Why an environment is refused. */
export function refusal (env: Record<string, string>): string {
  return refusalOf(SettingsError, () => readEnvironment(env))
}

/** What an empty environment comes to. */
export const defaults = {
  port: 3_000,
  host: '127.0.0.1',
  logLevel: 'info',
  trustProxy: false,
  keyPrefix: 'roomcast',
  nodeName: hostname(),
  jwtAlgorithm: 'HS256',
  apiKeys: [],
  rooms: [],
  bridge: [],
  pingIntervalMs: 25_000,
  pongTimeoutMs: 10_000,
  heartbeatMs: 3_000,
  leaseMs: 10_000,
  maxFrameBytes: 65_536,
  maxBufferedBytes: 1_048_576,
  maxTotalBufferedBytes: 268_435_456,
  maxFramesPerSecond: 100,
  frameBurst: 2_000,
  maxUpgradesPerSecond: 1_000,
  maxConnections: 100_000,
  maxConnectionsPerAddress: 0,
  maxRoomsPerConnection: 1_000,
  maxConnectionsPerUser: 100,
  connectionsPerUserPolicy: 'refuse',
  drainMs: 3_000,
  shutdownGraceMs: 0,
  metricsAccess: 'scope',
  metrics: false,
  health: false,
  docs: false
}
