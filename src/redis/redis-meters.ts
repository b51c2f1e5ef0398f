import type { Redis } from 'ioredis'
import { Distribution } from '../core/distribution.ts'
import { Tally } from '../core/tally.ts'

/** In seconds, up to the time that a call may take. */
const CALL_BOUNDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2]

/** What a node counts about its connections to Redis. */
export class RedisMeters {
  /** How long calls took until they were answered or given up, in seconds. */
  readonly callSeconds = new Distribution(CALL_BOUNDS)
  /** Calls that failed, by what is known of them. */
  readonly failures = new Tally<'unavailable' | 'outcome_unknown'>()
  /** How often connections were made, by their role. */
  readonly connects = { publisher: 0, subscriber: 0 }
  /** Whether the connection that only listens answered when it was asked for life, and led where the other one does. */
  readonly probes = { answered: 0, failed: 0 }
}

const metersByClient = new WeakMap<Redis, RedisMeters>()

/** Counts how often a connection is made, and lets whoever uses it count. */
export function meter (client: Redis, role: keyof RedisMeters['connects'], meters: RedisMeters): void {
  metersByClient.set(client, meters)
  client.on('ready', () => { meters.connects[role]++ })
}

/** Where to count what a connection does; undefined where nobody wants to know. */
export function metersOf (client: Redis): RedisMeters | undefined {
  return metersByClient.get(client)
}
