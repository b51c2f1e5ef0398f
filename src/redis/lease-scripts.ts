import { BY_THE_CLOCK, EVEN_WHEN_FULL } from './script-parts.ts'

/**
 * Purpose: takes or renews the lease of a node, and claims dead nodes for it to sweep. A renewal needs a lease that is there, that this Redis
 * process gave, and that is no older than what the node was told last: otherwise Redis may not be what it was. Claiming needs a lease that was unbroken for one full
 * length: after a pause of Redis all leases have ended, and none of their nodes is dead. Tells the time in any case, since that is
 * how a clock that was set is noticed. A full Redis does it too: its
 * users would be offline for whoever asks, though nothing happened to them.
 * KEYS: 1 lease ends, 2 since when unbroken, 3 holders, 4 claims. ARGV: 1 notAfter, 2 'take' or 'renew', 3 nodeId, 4 lease in ms,
 * 5 holder as JSON, 6 the lease's end as told last, 7 retention in ms, 8 how long after its end a node is claimed, in ms,
 * 9 this Redis process.
 * Returns {'held', now, the lease's new end, {dead nodeId, …}}, {'lost', now}, or {'late', now} after the deadline.
 */
export const lease = `${EVEN_WHEN_FULL}${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return {'late', now} end
local function endOf (node) return tonumber(redis.call('ZSCORE', KEYS[1], node) or 0) end
local me, length = ARGV[3], tonumber(ARGV[4])
local before = endOf(me)
if ARGV[2] == 'renew' then
  local giver = string.match(redis.call('HGET', KEYS[3], me) or '', '^%d+ (%S+) ')
  if before == 0 or before < tonumber(ARGV[6]) or giver ~= ARGV[9] then return {'lost', now} end
end
if before <= now then redis.call('HSET', KEYS[2], me, string.format('%.0f', now)) end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + length), me)
redis.call('HSET', KEYS[3], me, string.format('%.0f ', now) .. ARGV[9] .. ' ' .. ARGV[5])

if now - tonumber(redis.call('HGET', KEYS[2], me) or now) >= length then
  local limit = string.format('%.0f', now - ARGV[8])
  for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', limit, 'LIMIT', 0, 16)) do
    redis.call('ZREM', KEYS[1], dead)
    redis.call('HDEL', KEYS[2], dead)
    redis.call('HSET', KEYS[4], dead, me)
  end
  local claims = redis.call('HGETALL', KEYS[4])
  for i = 1, #claims, 2 do
    if claims[i + 1] ~= me and endOf(claims[i + 1]) <= now then redis.call('HSET', KEYS[4], claims[i], me) end
  end
end

local mine = {}
local claims = redis.call('HGETALL', KEYS[4])
for i = 1, #claims, 2 do
  if claims[i + 1] == me then mine[#mine + 1] = claims[i] end
end
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[7]) end
return {'held', now, now + length, mine}
`

/**
 * Purpose: ends a node. With a grace its lease runs on for that long, and it is then claimed like a dead one. What it has claimed itself is
 * free for others at once.
 * KEYS: as above. ARGV: 1 notAfter, 2 nodeId, 3 grace in ms, 4 holder as JSON. Returns 1, or nil after the deadline.
 */
export const release = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
redis.call('HDEL', KEYS[2], ARGV[2])
local claims = redis.call('HGETALL', KEYS[4])
for i = 1, #claims, 2 do
  if claims[i + 1] == ARGV[2] then redis.call('HSET', KEYS[4], claims[i], '') end
end
if tonumber(ARGV[3]) > 0 then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[2])
  redis.call('HSET', KEYS[3], ARGV[2], string.format('%.0f - ', now) .. ARGV[4])
else
  redis.call('ZREM', KEYS[1], ARGV[2])
  redis.call('HDEL', KEYS[3], ARGV[2])
end
return 1
`

/**
 * Purpose: forgets a claimed node that is swept.
 * KEYS: 1 holders, 2 claims. ARGV: 1 notAfter, 2 nodeId. Returns 1, or nil after the deadline.
 */
export const bury = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[2])
return 1
`

/**
 * Purpose: what every answer about users needs to know of the nodes.
 * KEYS: 1 lease ends, 2 holders. Returns {{live nodeId, …}, {nodeId, seenAt, …}}.
 */
export const nodes = `${BY_THE_CLOCK}
local seen = redis.call('HGETALL', KEYS[2])
for i = 2, #seen, 2 do seen[i] = string.match(seen[i], '^%d+') or '0' end
return { redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf'), seen }
`

/**
 * Purpose: the live nodes, with what each told last.
 * KEYS: 1 lease ends, 2 holders. Returns {nodeId, the end of its lease, 'seenAt giver holder', …}, without those of whom nothing is known.
 */
export const liveNodes = `${BY_THE_CLOCK}
local live = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf', 'WITHSCORES')
local found = {}
for i = 1, #live, 2 do
  local holder = redis.call('HGET', KEYS[2], live[i])
  if holder then
    found[#found + 1] = live[i]
    found[#found + 1] = live[i + 1]
    found[#found + 1] = holder
  end
end
return found
`
