import type { Redis } from 'ioredis'
import { RoomcastError } from '../core/errors.ts'
import type { Publisher } from './redis-scripts.ts'
import type { Shards } from './shards.ts'

/** Clocks are compared in whole milliseconds. */
const DEADLINE_MARGIN_MS = 2

/**
 * Runs a command that must not be left hanging, and says what its failure means: `unavailable` where Redis cannot have done it
 * (never sent, refused, past its deadline), `outcome_unknown` where the answer got lost. The command itself carries a deadline.
 * @throws RoomcastError `unavailable` or `outcome_unknown`
 */
export async function run<Reply> (client: Redis, command: () => Promise<Reply | null>): Promise<Reply> {
  if (client.status !== 'ready') throw new RoomcastError('unavailable')
  gather(client)
  let reply: Reply | null
  try {
    reply = await command()
  } catch (cause) {
    throw new RoomcastError(didNotHappen(cause) ? 'unavailable' : 'outcome_unknown', { cause })
  }
  if (reply === null) throw new RoomcastError('unavailable')
  return reply
}

const gathering = new WeakSet<Redis['stream']>()

/** Lets what this turn of the event loop sends to Redis leave in one write at the turn's end: the write costs more than the command. */
function gather ({ stream }: Redis): void {
  if (gathering.has(stream)) return
  gathering.add(stream)
  stream.cork()
  setImmediate(() => { release(stream) })
}

/** Sends at once what was gathered so far, at the end of a turn. */
export function sendGathered ({ stream }: Redis): void {
  release(stream)
}

function release (stream: Redis['stream']): void {
  if (gathering.delete(stream)) stream.uncork()
}

/** What the calls of a node need. */
export interface CallParts {
  readonly shards: Shards
  /** How long a call may take. */
  readonly timeoutMs: number
}

/** What every script call carries: until when it may be done, on Redis' clock, and which Redis process is meant. */
export interface CallTerms {
  /** The present on that clock, in milliseconds. */
  readonly now: number
  readonly notAfter: number
  readonly runId: string
}

/** A command for whoever has the keys that it is about. */
export type Command<Reply> = (publisher: Publisher, terms: CallTerms) => Promise<Reply | null>

/**
 * Runs a script within its time, where its key is. Until it is known which Redis process answers, nothing is asked of it.
 * @throws RoomcastError `unavailable` or `outcome_unknown`
 */
export async function call<Reply> ({ shards, timeoutMs }: CallParts, key: string, command: Command<Reply>): Promise<Reply> {
  const { publisher, clock } = shards.of(key)
  const { runId } = clock
  if (runId === undefined) throw new RoomcastError('unavailable')
  return run(publisher, () => {
    const now = clock.now()
    return command(publisher, { now, notAfter: Math.floor(now + timeoutMs), runId })
  })
}

/**
 * Like `call`, for what must not happen any more once it was refused. Where the answer is lost with the link, Redis may have the command and
 * do it until the deadline, which is what this waits for.
 * @throws RoomcastError `unavailable` or `outcome_unknown`
 */
export async function callForGood<Reply> (parts: CallParts, key: string, command: Command<Reply>): Promise<Reply> {
  const begun = performance.now()
  try {
    return await call(parts, key, command)
  } catch (error) {
    const restMs = begun + parts.timeoutMs + DEADLINE_MARGIN_MS - performance.now()
    if (isAnswerLost(error) && restMs > 0) await new Promise(resolve => { setTimeout(resolve, restMs) })
    throw error
  }
}

/** What Redis says at the end of an error on which a script stopped; what the script wrote before stays. */
const STOPPED_SCRIPT = / script: [0-9a-f]{40}, on /

/** Errors that a script meets at its first write or at none. */
const AT_FIRST_WRITE = /^(READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN) /

/** Whether an error proves that Redis did nothing: it answered with one (LOADING, READONLY, OOM, NOPERM …) before it began, or was never asked. */
function didNotHappen (cause: unknown): boolean {
  if (!(cause instanceof Error)) return false
  if (cause.name !== 'ReplyError') return cause.message.startsWith("Stream isn't writeable")
  return !STOPPED_SCRIPT.test(cause.message) || AT_FIRST_WRITE.test(cause.message)
}

/** Whether Redis may still do what it was asked: it has not said that it is over. */
function isAnswerLost (error: unknown): boolean {
  if (!(error instanceof RoomcastError) || error.code !== 'outcome_unknown') return false
  return !(error.cause instanceof Error && error.cause.name === 'ReplyError')
}

/** What an error and its causes say, most general first, without the words that every refusal has. */
export function wordsOf (error: unknown): string {
  const words: string[] = []
  for (let one = error; one instanceof Error; one = one.cause) {
    if (!(one instanceof RoomcastError) || one.cause === undefined) words.push(withoutCommand(one).message)
  }
  return words.join(': ')
}

/** How Redis repeats the arguments of a command that it does not know, such as AUTH where that was renamed. */
const REPEATED_ARGUMENTS = /,? with args beginning with:.*/

/** An error without the command that caused it, whose arguments may be a password or a payload, for a log. */
export function withoutCommand<Thrown> (error: Thrown): Thrown {
  if (!(error instanceof Error)) return error
  if ('command' in error) delete error.command
  if (REPEATED_ARGUMENTS.test(error.message)) {
    error.message = error.message.replace(REPEATED_ARGUMENTS, '')
    error.stack = error.stack?.replace(REPEATED_ARGUMENTS, '') ?? ''
  }
  return error
}

/** Whether a command got no answer in time: the link may be half-open. */
export function isTimeout (error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out'
}
