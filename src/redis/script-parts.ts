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
