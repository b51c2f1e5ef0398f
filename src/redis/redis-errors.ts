import { RoomcastError } from '../core/errors.ts'
import type { Redis } from 'ioredis'

/**
 * Runs a command that must not be left hanging, and says what its failure means: `unavailable` where Redis cannot have done it
 * (never sent, refused, past its deadline), `outcome_unknown` where the answer got lost. The command itself carries a deadline.
 * @throws RoomcastError `unavailable` or `outcome_unknown`
 */
export async function run<Reply> (client: Redis, command: () => Promise<Reply | null>): Promise<Reply> {
  if (client.status !== 'ready') throw new RoomcastError('unavailable')
  let reply: Reply | null
  try {
    reply = await command()
  } catch (cause) {
    throw new RoomcastError(didNotHappen(cause) ? 'unavailable' : 'outcome_unknown', { cause })
  }
  if (reply === null) throw new RoomcastError('unavailable')
  return reply
}

/** Whether an error proves that Redis did nothing: it answered with one (LOADING, READONLY, OOM, NOPERM …), or was never asked. */
function didNotHappen (cause: unknown): boolean {
  if (!(cause instanceof Error)) return false
  return cause.name === 'ReplyError' || cause.message.startsWith("Stream isn't writeable")
}

/** An error without the command that caused it, whose arguments may be a password or a payload, for a log. */
export function withoutCommand<Thrown> (error: Thrown): Thrown {
  if (error instanceof Error && 'command' in error) delete error.command
  return error
}

/** Whether a command got no answer in time: the link may be half-open. */
export function isTimeout (error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out'
}
