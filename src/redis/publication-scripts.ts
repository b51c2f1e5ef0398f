import { OVERHEAD_BYTES } from '../core/publication.ts'
import { BY_THE_CLOCK } from './script-parts.ts'

/**
 * The epoch of a room, and what it inherits. A room that has none begins a numbering with an empty history. One whose numbering another
 * Redis process made goes on under a new epoch: this process may hold an older state than that one told, so later positions of the old
 * epoch mean nothing. Expects KEYS 1 and 2.
 */
const EPOCH = `
local function epochOf (fresh, run)
  local epoch, maker, inherits = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'run', 'inherits'))
  if not epoch then
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[1], 'epoch', fresh, 'offset', 0, 'run', run)
    return fresh, ''
  end
  if maker == run then return epoch, inherits or '' end
  inherits = epoch .. ' ' .. (redis.call('HGET', KEYS[1], 'offset') or 0)
  redis.call('HSET', KEYS[1], 'epoch', fresh, 'run', run, 'inherits', inherits)
  return fresh, inherits
end
`

/**
 * Drops what is older than the policy allows. Entries lie in the order of their times, so where the young begin is found by steps that double and
 * then halve: an entry may be as large as a frame, and most calls look at one. Expects KEYS 2.
 */
const TRIM_BY_AGE = `
local function isOld (id, oldest)
  local entry = redis.call('XRANGE', KEYS[2], id, '+', 'COUNT', 1)[1]
  if not entry or tonumber(string.match(entry[2][2], '^%d+')) > oldest then return false end
  return true, tonumber(string.match(entry[1], '^%d+'))
end
local function trimByAge (oldest)
  local any, old = isOld('-', oldest)
  if not any then return end
  local step = 1
  while isOld(string.format('%.0f-0', old + step), oldest) do
    old = old + step
    step = step * 2
  end
  local young = old + step
  while young - old > 1 do
    local middle = math.floor((old + young) / 2)
    if isOld(string.format('%.0f-0', middle), oldest) then old = middle else young = middle end
  end
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', young))
end
`

/**
 * Reads entries in portions, until there are as many as asked for, or the next would be too much. Returns them, and 1 if there are more, else 0.
 * Expects KEYS 2.
 */
const READ = `
local function offsetOf (entry) return tonumber(string.match(entry[1], '^%d+')) end
local function read (limit, maxBytes, from, isReverse)
  local command, past = 'XRANGE', '+'
  if isReverse then command, past = 'XREVRANGE', '-' end
  local entries, bytes, portion, last = {}, 0, 16, tonumber(from)
  local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  -- Asked for what is before the oldest, Redis would look through everything.
  while oldest and not (isReverse and last and last <= offsetOf(oldest)) do
    local start = last and string.format('(%.0f-0', last) or (isReverse and '+' or '-')
    local count = math.min(portion, limit + 1 - #entries)
    local found = redis.call(command, KEYS[2], start, past, 'COUNT', count)
    for _, entry in ipairs(found) do
      bytes = bytes + #entry[2][2] + ${OVERHEAD_BYTES}
      if #entries == limit or (#entries > 0 and bytes > maxBytes) then return entries, 1 end
      entries[#entries + 1] = entry
    end
    if #found < count then break end
    last = offsetOf(found[count])
    portion = 128
  end
  return entries, 0
end
`

/** What a publish under an idempotency key came to before, as `publish` returns it; nil if there was none. */
const REMEMBERED = `
local function remembered (key, content)
  local known = content ~= '' and redis.call('GET', key)
  if not known then return nil end
  local before, epoch, offset = string.match(known, '^(%S+) (%S+) (%d+)$')
  if before ~= content then return {'reused'} end
  return {'duplicate', epoch, tonumber(offset)}
end
`

/**
 * Purpose: gives a publication the next offset of its room, keeps it by the room's policy, and sends it.
 * KEYS: 1 the room's end, 2 its history, 3 where its idempotency key is remembered. ARGV: 1 notAfter, 2 epoch for a new numbering,
 * 3 retention of the end in ms, 4 channel, 5 the envelope after its first four words, 6 how many publications are kept (0: none), 7 for how long
 * in ms, 8 this Redis process, 9 what the idempotency key stands for ('': there is none), 10 for how long that is remembered in ms.
 * Returns {'new' or 'duplicate', epoch, offset}, {'reused'} where the key stood for something else, or nil after the deadline.
 */
export const publish = `${BY_THE_CLOCK}${EPOCH}${TRIM_BY_AGE}${REMEMBERED}
if now > tonumber(ARGV[1]) then return nil end
local before = remembered(KEYS[3], ARGV[9])
if before then return before end
local epoch = epochOf(ARGV[2], ARGV[8])
local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local tail = string.format('%.0f ', now) .. ARGV[5]
if tonumber(ARGV[6]) > 0 then
  redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[6], string.format('%.0f-0', offset), 'e', tail)
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
  trimByAge(now - ARGV[7])
end
if ARGV[9] ~= '' then
  redis.call('SET', KEYS[3], string.format('%s %s %.0f', ARGV[9], epoch, offset), 'PX', ARGV[10])
end
redis.call('PUBLISH', ARGV[4], string.format('p %s %.0f ', epoch, offset) .. tail)
return {'new', epoch, offset}
`

/**
 * Purpose: sends a volatile publication.
 * KEYS: 1 where its idempotency key is remembered. ARGV: 1 notAfter, 2 channel, 3 the envelope after its first two words, 4 what the idempotency
 * key stands for ('': there is none), 5 for how long that is remembered in ms. Returns {'new', 'duplicate' or 'reused'}, or nil after the deadline.
 */
export const send = `${BY_THE_CLOCK}${REMEMBERED}
if now > tonumber(ARGV[1]) then return nil end
local before = remembered(KEYS[1], ARGV[4])
if before then return {before[1]} end
if ARGV[4] ~= '' then redis.call('SET', KEYS[1], ARGV[4] .. ' - 0', 'PX', ARGV[5]) end
redis.call('PUBLISH', ARGV[2], string.format('v %.0f ', now) .. ARGV[3])
return {'new'}
`

/**
 * Purpose: reads the end of a room; a room without a numbering begins one, so that a position can be named before the first publication.
 * KEYS: 1 the room's end, 2 its history. ARGV: 1 notAfter, 2 epoch for a new numbering, 3 retention in ms, 4 this Redis process.
 * Returns {epoch, offset, 'inherited epoch upTo' or ''}, or nil after the deadline.
 */
export const position = `${BY_THE_CLOCK}${EPOCH}
if now > tonumber(ARGV[1]) then return nil end
local epoch, inherits = epochOf(ARGV[2], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {epoch, tonumber(redis.call('HGET', KEYS[1], 'offset') or 0), inherits}
`

/**
 * Purpose: reads a part of a room's history, and its end at the same moment. What is older than the policy allows is not there.
 * KEYS: 1 the room's end, 2 its history. ARGV: 1 notAfter, 2 epoch for a new numbering, 3 retention in ms, 4 for how long publications are kept
 * in ms, 5 how many to read at most, 6 '' or the offset to begin after (in reverse: before), 7 'forward' or 'reverse', 8 this Redis process, 9 how
 * many bytes to read at most, though always one.
 * Returns {epoch, offset, 'inherited epoch upTo' or '', {{offset-0, {'e', the envelope after its first three words}}, …}, 1 if there are more}, or
 * nil after the deadline.
 */
export const history = `${BY_THE_CLOCK}${EPOCH}${TRIM_BY_AGE}${READ}
if now > tonumber(ARGV[1]) then return nil end
local epoch, inherits = epochOf(ARGV[2], ARGV[8])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
trimByAge(now - ARGV[4])
local entries, more = read(tonumber(ARGV[5]), tonumber(ARGV[9]), ARGV[6], ARGV[7] == 'reverse')
return {epoch, tonumber(redis.call('HGET', KEYS[1], 'offset') or 0), inherits, entries, more}
`

/**
 * Purpose: forgets what is kept of a room, and tells its nodes; offsets go on.
 * KEYS: 1 the room's end, 2 its history. ARGV: 1 notAfter, 2 channel. Returns 1, or nil after the deadline.
 */
export const forget = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[2], 'f\\n')
return 1
`
