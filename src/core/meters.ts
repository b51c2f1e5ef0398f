import { closeCodes } from './close-codes.ts'
import { Distribution } from './distribution.ts'
import type { ErrorCode } from './errors.ts'
import { Tally } from './tally.ts'

/** In seconds: from a room of a few connections to one whose write takes many turns of the event loop. */
const FANOUT_BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]

/** In publications. */
const RECOVERY_BOUNDS = [0, 1, 5, 10, 50, 100, 500, 1_000, 5_000]

/** What the server closes with, and what peers commonly do (RFC 6455 §7.4.1): others may name any of some thousand numbers. */
const KNOWN_CLOSE_CODES = new Set<number>([1000, 1001, 1005, 1006, ...Object.values(closeCodes).map(({ code }) => code)])

/**
 * What this node counts since its start: plain numbers, so that counting costs an addition. Whoever wants to know reads them; nothing
 * here knows by whom, or under what names.
 */
export class Meters {
  /** Connections that were taken. */
  connects = 0
  /** Connections that ended, by close code; codes that only a peer can name are one. */
  readonly closes = new Tally<number | 'other'>()
  /** Upgrades that were refused, by HTTP status. */
  readonly refusedUpgrades = new Tally<number>()
  /** Frames that came from clients. */
  frames = 0
  /** Refusals, by code: as error frames, and over REST. */
  readonly refusals = { frame: new Tally<ErrorCode>(), rest: new Tally<ErrorCode>() }
  /** Publications that this node has published: for a connection, and for backends by REST or the host's code. Retries of the same are none. */
  readonly published = { connection: 0, backend: 0 }
  /** Publications that arrived here from the broker. */
  readonly received = { kept: 0, volatile: 0 }
  /** Publications that were written to connections, each as often as to a connection. */
  deliveries = 0
  /** Publications that slow connections will never get, since a newer one took their place. */
  skipped = 0
  /** Time spent on writing what waited in one room to its connections, in seconds. */
  readonly fanoutSeconds = new Distribution(FANOUT_BOUNDS)
  /** What connections that said from where to go on were answered. */
  readonly recoveries = { whole: 0, refused: 0 }
  /** Publications in each recovery that was whole. */
  readonly recovered = new Distribution(RECOVERY_BOUNDS)
  /** What rooms had missed and was read from the history whole, and what was not there any more, so that subscribers were told. */
  readonly gaps = { healed: 0, told: 0 }
  /** Whether the last heartbeat renewed the lease. */
  isLeaseHeld = false
  heartbeatFailures = 0
  /** Leases that were lost, after each of which the node goes on under a new id. */
  leaseLosses = 0
  /** Dead nodes that this one has swept. */
  sweeps = 0
  /** Tokens that clients brought over their connections. */
  refreshes = 0
  /** Revocations that this node has learnt. */
  revocations = 0

  /** Notes how a connection ended. */
  addClose (code: number): void {
    this.closes.add(KNOWN_CLOSE_CODES.has(code) ? code : 'other')
  }
}
