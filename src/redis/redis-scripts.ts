import type { Redis } from 'ioredis'

// Every writing script does nothing after a deadline on Redis' own clock, so that what was given up is never done late. It checks
// first and writes after, since Redis keeps what a failed script wrote. Numbers are formatted: Lua's own way turns large ones into 1e+14.
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * Purpose: gives a publication the next offset of its room, and sends it; a room without a numbering begins a new one.
 * KEYS: 1 the room's end. ARGV: 1 notAfter, 2 epoch for a new numbering, 3 retention in ms, 4 channel, 5 the envelope after its head.
 * Returns {epoch, offset}, or nil after the deadline.
 */
const publish = `${NOW}
if now > tonumber(ARGV[1]) then return nil end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[2]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[4], string.format('p %s %.0f %.0f ', epoch, offset, now) .. ARGV[5])
return {epoch, offset}
`

/**
 * Purpose: reads the end of a room; a room without a numbering begins one, so that a position can be named before the first publication.
 * KEYS: 1 the room's end. ARGV: 1 notAfter, 2 epoch for a new numbering, 3 retention in ms.
 * Returns {epoch, offset}, or nil after the deadline.
 */
const position = `${NOW}
if now > tonumber(ARGV[1]) then return nil end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[2]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {epoch, tonumber(redis.call('HGET', KEYS[1], 'offset') or 0)}
`

/**
 * Purpose: takes or renews the lease of a node; it must be there to be renewed. Tells the time in any case, since a clock that was
 * set is noticed here.
 * KEYS: 1 lease ends, 2 lease holders. ARGV: 1 notAfter, 2 'take' or 'renew', 3 nodeId, 4 lease in ms, 5 holder as JSON, 6 retention in ms.
 * Returns {'held', now, the lease's new end}, {'lost', now} if there is no lease to renew, or {'late', now} after the deadline.
 */
const lease = `${NOW}
if now > tonumber(ARGV[1]) then return {'late', now} end
if ARGV[2] == 'renew' and not redis.call('ZSCORE', KEYS[1], ARGV[3]) then return {'lost', now} end
local ends = now + ARGV[4]
redis.call('ZADD', KEYS[1], string.format('%.0f', ends), ARGV[3])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
return {'held', now, ends}
`

/**
 * Purpose: gives a lease back.
 * KEYS: 1 lease ends, 2 lease holders. ARGV: 1 nodeId.
 */
const release = `
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
`

/**
 * Purpose: the nodes whose lease has not ended.
 * KEYS: 1 lease ends. Returns {nodeId, …}.
 */
const liveNodes = `${NOW}
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')
`

/**
 * Purpose: writes one field of a hash, before the writer's lease ends.
 * KEYS: 1 hash. ARGV: 1 notAfter, 2 field, 3 value, 4 retention in ms. Returns 1, or nil after the deadline.
 */
const register = `${NOW}
if now > tonumber(ARGV[1]) then return nil end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`

/**
 * Purpose: removes a connection of a user, if its record has this owner.
 * KEYS: 1 the user's connections. ARGV: 1 notAfter, 2 connectionId, 3 nodeId. Returns 1, or nil after the deadline.
 */
const remove = `${NOW}
if now > tonumber(ARGV[1]) then return nil end
local record = redis.call('HGET', KEYS[1], ARGV[2])
if record and string.sub(record, 1, #ARGV[3] + 1) == ARGV[3] .. ' ' then redis.call('HDEL', KEYS[1], ARGV[2]) end
return 1
`

/** The scripts as commands of the publisher connection; ioredis sends them by hash, and whole where Redis forgot them. */
export const scripts = {
  roomcastPublish: { lua: publish, numberOfKeys: 1 },
  roomcastPosition: { lua: position, numberOfKeys: 1 },
  roomcastLease: { lua: lease, numberOfKeys: 2 },
  roomcastRelease: { lua: release, numberOfKeys: 2 },
  roomcastLiveNodes: { lua: liveNodes, numberOfKeys: 1 },
  roomcastRegister: { lua: register, numberOfKeys: 1 },
  roomcastRemove: { lua: remove, numberOfKeys: 1 }
} as const

type End = [epoch: string, offset: number]

interface Commands {
  roomcastPublish: (end: string, notAfter: number, epoch: string, retentionMs: number, channel: string, rest: string) => Promise<End | null>
  roomcastPosition: (end: string, notAfter: number, epoch: string, retentionMs: number) => Promise<End | null>
  roomcastLease: (
    leases: string, holders: string, notAfter: number, mode: 'take' | 'renew', nodeId: string, leaseMs: number, holder: string, retentionMs: number
  ) => Promise<[status: 'held', now: number, ends: number] | [status: 'lost' | 'late', now: number]>
  roomcastRelease: (leases: string, holders: string, nodeId: string) => Promise<null>
  roomcastLiveNodes: (leases: string) => Promise<string[]>
  roomcastRegister: (hash: string, notAfter: number, field: string, value: string, retentionMs: number) => Promise<1 | null>
  roomcastRemove: (hash: string, notAfter: number, connectionId: string, nodeId: string) => Promise<1 | null>
}

/** The connection that writes and asks. */
export type Publisher = Redis & Commands
