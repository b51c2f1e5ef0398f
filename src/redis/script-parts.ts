/**
 * Begins every script that goes by the clock: `now` is Redis' time in milliseconds.
 *
 * Every writing script does nothing after a deadline on that clock, so that what was given up is never done late. It checks first and
 * writes after, since Redis keeps what a failed script wrote. Large numbers are formatted: Lua's own way makes 1e+14 of them.
 */
export const BY_THE_CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/** Begins a script, before all else, that Redis must not begin while it is full: without it Redis refuses a full write only until a cheaper one went before. */
export const NOT_WHEN_FULL = '#!lua\n'

/** Begins a script, before all else, that must be done even by a Redis that is full, since it is what keeps nodes alive. */
export const EVEN_WHEN_FULL = '#!lua flags=allow-oom\n'

/** Ends a script that would tell something on a channel on which its user may not publish, before it has written what it would tell. */
export function assertMayPublish (channel: string): string {
  return `
if not redis.acl_check_cmd('PUBLISH', ${channel}, '') then
  return redis.error_reply('NOPERM this user has no permissions to publish on the channel of a room')
end
`
}
