import { OVERHEAD_BYTES } from '../core/publication.ts'
import { assertMayPublish, BY_THE_CLOCK, NOT_WHEN_FULL } from './script-parts.ts'

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
 * Purpose: gives publications of one room the next offsets in their order, keeps them by the room's policy, and sends them, volatile ones
 * without offsets and not kept. All of it is written before anything is sent.
 * KEYS: 1 the room's end, 2 its history, then of each publication that has an idempotency key where that is remembered. ARGV: 1 notAfter, 2 epoch for
 * a new numbering, 3 retention of the end in ms, 4 channel, 5 how many publications are kept (0: none), 6 for how long in ms, 7 this Redis process,
 * 8 for how long idempotency keys are remembered in ms; then two for each publication: the envelope after its time, and 'p', or 'v' if it is volatile,
 * followed by what its idempotency key stands for.
 * Returns {epoch or '', {for each: its offset (0 if volatile), or {'duplicate', epoch, offset}, or {'reused'} where its key stood for something
 * else}}, or nil after the deadline.
 */
export const publish = `${NOT_WHEN_FULL}${BY_THE_CLOCK}${EPOCH}${TRIM_BY_AGE}${REMEMBERED}
if now > tonumber(ARGV[1]) then return nil end
${assertMayPublish('ARGV[4]')}local at, isKept = string.format('%.0f ', now), tonumber(ARGV[5]) > 0
local epoch
local function write (rest, content, isVolatile, key)
  local before = key and remembered(key, content)
  if before then return before end
  local offset, head = 0, 'v '
  if not isVolatile then
    if not epoch then
      epoch = epochOf(ARGV[2], ARGV[7])
      redis.call('PEXPIRE', KEYS[1], ARGV[3])
    end
    offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
    head = string.format('p %s %.0f ', epoch, offset)
    if isKept then redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[5], string.format('%.0f-0', offset), 'e', at .. rest) end
  end
  if key then redis.call('SET', key, string.format('%s %s %.0f', content, isVolatile and '-' or epoch, offset), 'PX', ARGV[8]) end
  return offset, head .. at .. rest
end
local outcomes, envelopes, nextKey = {}, {}, 3
for i = 9, #ARGV, 2 do
  local content, key = string.sub(ARGV[i + 1], 2), nil
  if content ~= '' then key, nextKey = KEYS[nextKey], nextKey + 1 end
  outcomes[#outcomes + 1], envelopes[#envelopes + 1] = write(ARGV[i], content, string.sub(ARGV[i + 1], 1, 1) == 'v', key)
end
if epoch and isKept then
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  trimByAge(now - ARGV[6])
end
for _, envelope in ipairs(envelopes) do redis.call('PUBLISH', ARGV[4], envelope) end
return {epoch or '', outcomes}
`

/**
 * Purpose: does what a publish needs, in small: a Redis that loads its data, is full, or replicates another refuses it, and so does one whose
 * user may not.
 * KEYS: 1 a key that is gone at once. ARGV: 1 channel, 2 what to send. Returns 1.
 */
export const probe = `${NOT_WHEN_FULL}
redis.call('SET', KEYS[1], ARGV[2], 'PX', 1)
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
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
${assertMayPublish('ARGV[2]')}redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[2], 'f\\n')
return 1
`
