import { BY_THE_CLOCK } from './script-parts.ts'

/**
 * Purpose: keeps a revocation until it expires, unless too many are kept.
 * KEYS: 1 the revocations. ARGV: 1 notAfter, 2 when it expires, 3 the revocation, 4 how many may be kept.
 * Returns 1, 0 where too many are kept, or nil after the deadline.
 */
export const revoke = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if tonumber(ARGV[2]) <= now then return 1 end
if not redis.call('ZSCORE', KEYS[1], ARGV[3]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1
`

/**
 * Purpose: the revocations that have not expired.
 * KEYS: 1 the revocations. ARGV: 1 notAfter. Returns {revocation, …}, or nil after the deadline.
 */
export const revocations = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')
`
