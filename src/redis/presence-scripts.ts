import { assertMayPublish, BY_THE_CLOCK, NOT_WHEN_FULL } from './script-parts.ts'

/**
 * Purpose: writes fields of a hash, before the writer's lease ends: entries of a node's index, or a connection of a user.
 * KEYS: 1 hash. ARGV: 1 notAfter, 2 retention in ms, then each field and its value. Returns when, in ms, or nil after the deadline.
 */
export const register = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return now
`

/**
 * Purpose: writes a connection of a user, unless the user has as many others as may be, before the writer's lease ends.
 * KEYS: 1 the user's connections. ARGV: 1 notAfter, 2 retention in ms, 3 connectionId, 4 record, 5 how many the user may have, 6 a connection that
 * does not count, or '', then nodes whose connections do not count.
 * Returns the owners of the others where they are too many; when it was written, in ms, or nil after the deadline.
 */
export const registerWithin = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
local most = tonumber(ARGV[5])
if redis.call('HLEN', KEYS[1]) >= most then
  local dead, owners = {}, {}
  for i = 7, #ARGV do dead[ARGV[i]] = true end
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local owner = string.match(all[i + 1], '^%S+')
    if all[i] ~= ARGV[3] and all[i] ~= ARGV[6] and not dead[owner] then owners[#owners + 1] = owner end
  end
  if #owners >= most then return owners end
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return now
`

/**
 * Purpose: lists a room as in use on a node, before the node's lease ends.
 * KEYS: 1 the rooms in use. ARGV: 1 notAfter, 2 the entry, 3 retention in ms. Returns when, in ms, or nil after the deadline.
 */
export const registerRoom = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
redis.call('ZADD', KEYS[1], 0, ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return now
`

/**
 * Purpose: removes a connection of a user, if its record has this owner, and notes when the user was last online.
 * KEYS: 1 the user's connections, 2 when the user was seen. ARGV: 1 notAfter, 2 connectionId, 3 nodeId, 4 when it was last seen ('': now),
 * 5 retention of that in ms. Returns 1, or nil after the deadline.
 */
export const remove = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
local record = redis.call('HGET', KEYS[1], ARGV[2])
if not record or string.sub(record, 1, #ARGV[3] + 1) ~= ARGV[3] .. ' ' then return 1 end
redis.call('HDEL', KEYS[1], ARGV[2])
local seen = tonumber(ARGV[4]) or now
if seen > tonumber(redis.call('GET', KEYS[2]) or 0) then
  redis.call('SET', KEYS[2], string.format('%.0f', seen), 'PX', ARGV[5])
end
return 1
`

/**
 * The epoch of a room's counting. One that another Redis process made goes on under a new epoch: this process may hold an older state than
 * that one told, so lists that were kept under the old one must be read anew.
 */
const EPOCH = `
local function epochOf (key, fresh, run)
  local epoch, maker = unpack(redis.call('HMGET', key, 'epoch', 'run'))
  if epoch and maker == run then return epoch end
  redis.call('HSET', key, 'epoch', fresh, 'run', run)
  return fresh
end
`

/** Counts and tells a join or a leave. */
const TELL = `${EPOCH}
local function tell (kind, userId, info, freshEpoch, retention, channel, run)
  local epoch = epochOf(KEYS[4], freshEpoch, run)
  local version = redis.call('HINCRBY', KEYS[4], 'version', 1)
  redis.call('PEXPIRE', KEYS[4], retention)
  redis.call('PUBLISH', channel, string.format('%s %s %.0f %d\\n', kind, epoch, version, #userId) .. userId .. info)
end
`

/**
 * Purpose: enters a connection into a room, or gives an entered one another owner; the user's first connection is a join.
 * KEYS: 1 the room's connections, 2 its members, 3 their order, 4 their version. ARGV: 1 notAfter, 2 connectionId, 3 nodeId, 4 userId,
 * 5 info as JSON, 6 epoch for a new counting, 7 retention in ms, 8 channel, 9 this Redis process. Returns when, in ms, or nil after the deadline.
 */
export const enter = `${NOT_WHEN_FULL}${BY_THE_CLOCK}${TELL}
if now > tonumber(ARGV[1]) then return nil end
${assertMayPublish('ARGV[8]')}local isNew = redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[4]) == 1
if isNew then
  local member = redis.call('HGET', KEYS[2], ARGV[4])
  local count, info = string.match(member or '', '^(%d+) (.*)$')
  redis.call('HSET', KEYS[2], ARGV[4], string.format('%d ', (count or 0) + 1) .. (info or ARGV[5]))
  if not member then
    redis.call('ZADD', KEYS[3], 0, ARGV[4])
    tell('j', ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
  end
end
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[7]) end
return now
`

/**
 * Purpose: takes a connection out of a room, if its record has this owner; the user's last connection is a leave.
 * KEYS: as above. ARGV: 1 notAfter, 2 connectionId, 3 nodeId, 4 userId, 5 unused, 6 epoch for a new counting, 7 retention in ms, 8 channel,
 * 9 this Redis process. Returns 1, or nil after the deadline.
 */
export const leave = `${BY_THE_CLOCK}${TELL}
if now > tonumber(ARGV[1]) then return nil end
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] .. ' ' .. ARGV[4] then return 1 end
redis.call('HDEL', KEYS[1], ARGV[2])
local count, info = string.match(redis.call('HGET', KEYS[2], ARGV[4]) or '', '^(%d+) (.*)$')
if tonumber(count or 0) > 1 then
  redis.call('HSET', KEYS[2], ARGV[4], string.format('%d ', count - 1) .. info)
elseif count then
  redis.call('HDEL', KEYS[2], ARGV[4])
  redis.call('ZREM', KEYS[3], ARGV[4])
  tell('l', ARGV[4], info, ARGV[6], ARGV[7], ARGV[8], ARGV[9])
end
return 1
`

/**
 * Purpose: the members of a room and their version; a room without a counting begins one.
 * KEYS: 1 its members, 2 their order, 3 their version. ARGV: 1 notAfter, 2 epoch for a new counting, 3 retention in ms,
 * 4 '' for all members, or how many at most, 5 the user id to begin after ('': from the start), 6 this Redis process.
 * Returns {epoch, version, {userId, 'connections info', …}}, or nil after the deadline.
 */
export const members = `${BY_THE_CLOCK}${EPOCH}
if now > tonumber(ARGV[1]) then return nil end
local epoch = epochOf(KEYS[3], ARGV[2], ARGV[6])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
local version = tonumber(redis.call('HGET', KEYS[3], 'version') or 0)
if ARGV[4] == '' then return {epoch, version, redis.call('HGETALL', KEYS[1])} end
local page = {}
local from = ARGV[5] == '' and '-' or '(' .. ARGV[5]
for _, userId in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], from, '+', 'LIMIT', 0, ARGV[4])) do
  page[#page + 1] = userId
  page[#page + 1] = redis.call('HGET', KEYS[1], userId) or '1 null'
end
return {epoch, version, page}
`
