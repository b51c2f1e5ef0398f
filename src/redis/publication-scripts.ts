import { BY_THE_CLOCK } from './script-parts.ts'

/**
 * Purpose: gives a publication the next offset of its room, and sends it; a room without a numbering begins a new one.
 * KEYS: 1 the room's end. ARGV: 1 notAfter, 2 epoch for a new numbering, 3 retention in ms, 4 channel, 5 the envelope after its head.
 * Returns {epoch, offset}, or nil after the deadline.
 */
export const publish = `${BY_THE_CLOCK}
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
export const position = `${BY_THE_CLOCK}
if now > tonumber(ARGV[1]) then return nil end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[2]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {epoch, tonumber(redis.call('HGET', KEYS[1], 'offset') or 0)}
`
