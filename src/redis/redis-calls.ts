import type { Redis } from 'ioredis'
import { RoomcastError } from '../core/errors.ts'
import { metersOf } from './redis-meters.ts'
import type { Publisher } from './redis-scripts.ts'
import type { Redirection, Shards } from './shards.ts'
import { readAddress } from './slot-map.ts'

/** Clocks are compared in whole milliseconds. */
const DEADLINE_MARGIN_MS = 2

/**
 * Runs a command that must not be left hanging, and says what its failure means: `unavailable` where Redis cannot have done it
 * (never sent, refused, past its deadline), `outcome_unknown` where the answer got lost. The command itself carries a deadline.
 * @throws RoomcastError `unavailable` or `outcome_unknown`
 */
export async function run<Reply> (client: Redis, command: () => Promise<Reply | null>): Promise<Reply> {
  if (client.status !== 'ready') throw unasked(client)
  gather(client)
  const meters = metersOf(client)
  const begun = performance.now()
  let reply: Reply | null
  try {
    reply = await command()
  } catch (cause) {
    const code = didNotHappen(cause) ? 'unavailable' : 'outcome_unknown'
    meters?.failures.add(code)
    throw new RoomcastError(code, { cause })
  } finally {
    meters?.callSeconds.add((performance.now() - begun) / 1_000)
  }
  if (reply === null) throw new RoomcastError('unavailable')
  return reply
}

/** What becomes of a command that Redis cannot be asked for now. */
function unasked (client: Redis): RoomcastError {
  metersOf(client)?.failures.add('unavailable')
  return new RoomcastError('unavailable')
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
 * Runs a script within its time, where its key is, also where another Redis process turns out to have that. Until it is known which process
 * answers, nothing is asked of it.
 * @throws RoomcastError `unavailable` or `outcome_unknown`
 */
export async function call<Reply> (parts: CallParts, key: string, command: Command<Reply>): Promise<Reply> {
  const shard = parts.shards.of(key)
  try {
    return await callAt({ shard, isAsking: false }, parts.timeoutMs, command)
  } catch (error) {
    return follow(parts, key, command, error)
  }
}

/** Asks whomever a refusal names, who may name another. What is redirected was not done. */
async function follow<Reply> ({ shards, timeoutMs }: CallParts, key: string, command: Command<Reply>, refusal: unknown): Promise<Reply> {
  const begun = performance.now()
  for (let error = refusal; ;) {
    const next = await shards.redirect(error, key)
    const restMs = begun + timeoutMs - performance.now()
    if (next === undefined || restMs < timeoutMs / 2) throw error
    try {
      return await callAt(next, restMs, command)
    } catch (another) {
      error = another
    }
  }
}

function callAt<Reply> ({ shard: { publisher, clock }, isAsking }: Redirection, timeoutMs: number, command: Command<Reply>): Promise<Reply> {
  const { runId } = clock
  if (runId === undefined) return Promise.reject(unasked(publisher))
  return run(publisher, () => {
    // It counts for the one command that follows.
    if (isAsking) publisher.asking().catch(() => {})
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

/** What a master of a Redis Cluster answers that did not do what it was asked (Redis Cluster specification, "Redirection and resharding"). */
export type ToldRedirection = {
  readonly kind: 'MOVED' | 'ASK'
  readonly slot: number
  /** Undefined where Redis does not know it. */
  readonly address: string | undefined
} | { readonly kind: 'TRYAGAIN' }

/** Where an error, or what caused it, points to; undefined if it does not. */
export function redirectionIn (error: unknown): ToldRedirection | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one.name !== 'ReplyError') continue
    const [kind, slot, address = ''] = one.message.split(' ')
    if (kind === 'MOVED' || kind === 'ASK') return { kind, slot: Number(slot), address: readAddress(address) }
    if (kind === 'TRYAGAIN') return { kind }
  }
  return undefined
}

/** Whether an error says that another process has the slot. */
export function isMoved (error: unknown): boolean {
  return redirectionIn(error)?.kind === 'MOVED'
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
