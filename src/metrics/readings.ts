import type { Census } from '../core/census.ts'
import type { Distribution } from '../core/distribution.ts'
import type { Meters } from '../core/meters.ts'
import type { RedisMeters } from '../redis/redis-meters.ts'

/** What there is to read at one moment. */
export interface Moment {
  readonly version: string
  readonly isDraining: boolean
  readonly census: Census
  readonly meters: Meters
  /** Null in one process without Redis. */
  readonly redis: (RedisMeters & { readonly isReady: { readonly publisher: boolean, readonly subscriber: boolean } }) | null
}

/** Values by the value of the one label, or the one value. */
type Reading = number | Iterable<readonly [label: string | number, value: number]>

export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  /** Never rooms or users: there would be as many series as there are of these. */
  readonly label?: string
  readonly read: (moment: Moment) => Reading
}

export interface HistogramMetric {
  readonly name: string
  readonly help: string
  readonly of: (meters: Meters, redis: RedisMeters | undefined) => Distribution | undefined
}

/** docs/operations.md#metrics is tested against this and the histograms below. */
export const metrics: readonly Metric[] = [
  {
    name: 'roomcast_info',
    help: '1, with the version of Roomcast',
    type: 'gauge',
    label: 'version',
    read: ({ version }) => [[version, 1]]
  },
  { name: 'roomcast_draining', help: '1 while the node shuts down', type: 'gauge', read: ({ isDraining }) => Number(isDraining) },
  { name: 'roomcast_connections', help: 'Connections of this node', type: 'gauge', read: ({ census }) => census.connections },
  { name: 'roomcast_rooms', help: 'Rooms that connections of this node are in, without those of the server', type: 'gauge', read: ({ census }) => census.rooms },
  { name: 'roomcast_subscriptions', help: 'Subscriptions of connections of this node, to rooms of the server too', type: 'gauge', read: ({ census }) => census.subscriptions },
  { name: 'roomcast_buffered_bytes', help: 'Bytes that wait in the sockets of all connections', type: 'gauge', read: ({ census }) => census.bufferedBytes },
  { name: 'roomcast_connects_total', help: 'Connections that were taken', type: 'counter', read: ({ meters }) => meters.connects },
  { name: 'roomcast_closes_total', help: 'Connections that ended, by close code; codes that only a peer can name are other', type: 'counter', label: 'code', read: ({ meters }) => meters.closes.entries() },
  { name: 'roomcast_refused_upgrades_total', help: 'Attempts to connect that were refused, by HTTP status', type: 'counter', label: 'status', read: ({ meters }) => meters.refusedUpgrades.entries() },
  { name: 'roomcast_frames_total', help: 'Frames that came from clients', type: 'counter', read: ({ meters }) => meters.frames },
  { name: 'roomcast_frame_refusals_total', help: 'Error frames, by their code', type: 'counter', label: 'code', read: ({ meters }) => meters.refusals.frame.entries() },
  { name: 'roomcast_request_refusals_total', help: 'REST requests, publishes of a batch and upgrades that were refused, by the code of the error', type: 'counter', label: 'code', read: ({ meters }) => meters.refusals.rest.entries() },
  { name: 'roomcast_published_total', help: 'Publications that this node published, for a connection or for a backend (REST, app.realtime); retries of the same are not counted', type: 'counter', label: 'source', read: ({ meters }) => Object.entries(meters.published) },
  { name: 'roomcast_received_total', help: 'Publications that arrived at this node, kept and volatile ones, also those by which nodes talk', type: 'counter', label: 'kind', read: ({ meters }) => Object.entries(meters.received) },
  { name: 'roomcast_deliveries_total', help: 'Publications that were written to connections, once for each connection', type: 'counter', read: ({ meters }) => meters.deliveries },
  { name: 'roomcast_skipped_total', help: 'Publications that slow connections will not get, since a newer one of the room took their place', type: 'counter', read: ({ meters }) => meters.skipped },
  { name: 'roomcast_recoveries_total', help: 'Subscriptions that said from where to go on: recovered whole, or not at all', type: 'counter', label: 'recovered', read: ({ meters: { recoveries } }) => [['true', recoveries.whole], ['false', recoveries.refused]] },
  { name: 'roomcast_gaps_total', help: 'Gaps in what arrived at this node: healed from the history, or told to the subscribers', type: 'counter', label: 'outcome', read: ({ meters }) => Object.entries(meters.gaps) },
  { name: 'roomcast_token_refreshes_total', help: 'Tokens that clients brought over their connections', type: 'counter', read: ({ meters }) => meters.refreshes },
  { name: 'roomcast_revocations_total', help: 'Revocations that this node has learnt', type: 'counter', read: ({ meters }) => meters.revocations },
  { name: 'roomcast_lease_held', help: '1 if the last heartbeat renewed the lease', type: 'gauge', read: ({ meters }) => Number(meters.isLeaseHeld) },
  { name: 'roomcast_heartbeat_failures_total', help: 'Heartbeats that failed', type: 'counter', read: ({ meters }) => meters.heartbeatFailures },
  { name: 'roomcast_lease_losses_total', help: 'Leases that were lost, each time with a new nodeId', type: 'counter', read: ({ meters }) => meters.leaseLosses },
  { name: 'roomcast_nodes_swept_total', help: 'Dead nodes that this one has swept', type: 'counter', read: ({ meters }) => meters.sweeps },
  { name: 'roomcast_redis_ready', help: '1 while a connection to Redis can be used', type: 'gauge', label: 'role', read: ({ redis }) => Object.entries(redis?.isReady ?? {}).map(([role, isReady]) => [role, Number(isReady)]) },
  { name: 'roomcast_redis_connects_total', help: 'How often a connection to Redis was made; the first is the start', type: 'counter', label: 'role', read: ({ redis }) => Object.entries(redis?.connects ?? {}) },
  { name: 'roomcast_redis_call_failures_total', help: 'Calls of Redis that failed, by what is known of them', type: 'counter', label: 'code', read: ({ redis }) => redis?.failures.entries() ?? [] },
  { name: 'roomcast_subscriber_probes_total', help: 'Whether the connection that only listens answered when it was asked for life', type: 'counter', label: 'outcome', read: ({ redis }) => Object.entries(redis?.probes ?? {}) }
]

export const histograms: readonly HistogramMetric[] = [
  { name: 'roomcast_fanout_seconds', help: 'Time spent on writing what waited in one room to its connections on this node', of: meters => meters.fanoutSeconds },
  { name: 'roomcast_recovered_publications', help: 'Publications in each recovery that was whole', of: meters => meters.recovered },
  { name: 'roomcast_redis_call_seconds', help: 'Time until a call of Redis was answered or given up', of: (_, redis) => redis?.callSeconds }
]
